import type { CanaryState } from '../../domain/vantages/presence.ts'
import { type CredentialGrant, createCredentials } from '../ldap/credentials.ts'
import { type AllowEntry, createEgressPolicy } from '../network/egress-policy.ts'
import { systemLookup } from '../network/resolve.ts'
import { affordableSockets } from './descriptor-pressure.ts'
import { probes } from './registry.ts'
import { createObserver, type Observe } from './run-check.ts'
import { type Budget, createBudget } from './socket-budget.ts'

/** What the configuration of a place says of its looks; the same for a worker and for an agent. */
interface VantageSettings {
  canary: readonly { host: string; port: number }[]
  allow: readonly AllowEntry[]
  /** What must never be dialled, whatever is allowed. */
  never: readonly { address: string; port: number }[]
  credentials: readonly CredentialGrant[]
  credentialCa: string | undefined
  /** Shared by the places of a process. */
  budget: Budget
  probeTimeoutMs: number
  version: string
  env: NodeJS.ProcessEnv
  /** Told of errors that are our own. */
  log: (error: unknown, check: { probe: string; host: string; port: number }) => void
}

/** The eyes of one place. */
export interface Prober {
  observe: Observe
  /** Whether any of its canaries answers; true where it names none. */
  isOnline(): Promise<boolean>
  /** What they said last. */
  canary(): CanaryState
}

/** Makes the budget of sockets of a process, within the descriptors that it may have. */
export const openBudget = (settings: { sockets: number; socketsPerHost: number }): Budget =>
  createBudget({ sockets: affordableSockets(settings.sockets), perHost: settings.socketsPerHost })

/** Makes the eyes of a place. */
export function openProber(settings: VantageSettings): Prober {
  const observe = createObserver({
    probes,
    egress: createEgressPolicy({ allow: settings.allow, never: settings.never }),
    budget: settings.budget,
    lookup: systemLookup,
    credential: createCredentials(settings.credentials, settings.env),
    credentialCa: settings.credentialCa,
    requester: `portwarden ${settings.version}`,
    timeoutMs: settings.probeTimeoutMs,
    tries: 3,
    spacingMs: 250,
    clock: () => new Date(),
    log: settings.log,
  })
  let state: CanaryState = settings.canary.length === 0 ? 'none' : 'unknown'
  return {
    observe,
    canary: () => state,
    async isOnline() {
      if (settings.canary.length === 0) return true
      const looks = settings.canary.map(({ host, port }) => observe({ probe: 'tcp', host, port, options: {} }))
      const seen = await Promise.all(looks)
      // With none of them answering, it is the place that is cut off.
      const online = seen.some(({ addressResults }) =>
        addressResults.some((addressResult) => addressResult.state === 'open'),
      )
      state = online ? 'online' : 'offline'
      return online
    },
  }
}
