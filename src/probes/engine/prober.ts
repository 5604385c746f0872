import type { CanaryState } from '../../domain/vantages/presence.ts'
import { createLine, type RunInTurn } from '../../runtime/line.ts'
import { type CredentialGrant, createCredentials } from '../ldap/credentials.ts'
import type { Connector } from '../network/connector/connector.ts'
import { type AllowEntry, createEgressPolicy } from '../network/egress-policy.ts'
import { systemLookup } from '../network/resolve.ts'
import { openTracer, type Tracer } from '../network/trace/tracer.ts'
import { affordableSockets } from './descriptor-pressure.ts'
import { probes } from './registry.ts'
import { createObserver, type Observe } from './run-check.ts'
import { type Budget, createBudget } from './socket-budget.ts'

/** The settings of a vantage, the same for a worker and for an agent. */
interface VantageSettings {
  canary: readonly { host: string; port: number }[]
  allow: readonly AllowEntry[]
  /** Endpoints that are never dialled, even if `allow` contains them. */
  never: readonly { address: string; port: number }[]
  credentials: readonly CredentialGrant[]
  credentialCa: string | undefined
  /** Both are shared by the vantages of a process. */
  budget: Budget
  connector: Connector
  probeTimeoutMs: number
  version: string
  env: NodeJS.ProcessEnv
  /** The time of observations. */
  clock: () => Date
  /** Receives errors of the prober itself. */
  log: (error: unknown, check: { probe: string; host: string; port: number }) => void
}

/** Makes the checks of one vantage. */
export interface Prober {
  observe: Observe
  /** Runs lists of checks so that those under way fit into memory. */
  inTurn: RunInTurn
  tracer: Tracer
  /** Whether any canary is open; true without canaries. */
  isOnline(): Promise<boolean>
  /** The last state of the canaries. */
  canary(): CanaryState
}

/** Makes the socket budget of a process, within its limit of descriptors. */
export const openBudget = (settings: { sockets: number; socketsPerHost: number }): Budget =>
  createBudget({ sockets: affordableSockets(settings.sockets), perHost: settings.socketsPerHost })

/** A check of a silent port waits without a socket for a part of its time. */
const checksPerSocket = 2

/** Makes the prober of a vantage. */
export function openProber(settings: VantageSettings): Prober {
  const observe = createObserver({
    probes,
    egress: createEgressPolicy({ allow: settings.allow, never: settings.never }),
    budget: settings.budget,
    connector: settings.connector,
    lookup: systemLookup,
    credential: createCredentials(settings.credentials, settings.env),
    credentialCa: settings.credentialCa,
    requester: `portwarden ${settings.version}`,
    timeoutMs: settings.probeTimeoutMs,
    tries: 3,
    spacingMs: 250,
    clock: settings.clock,
    log: settings.log,
  })
  let state: CanaryState = settings.canary.length === 0 ? 'none' : 'unknown'
  return {
    observe,
    inTurn: createLine(settings.budget.sockets * checksPerSocket),
    tracer: openTracer(settings),
    canary: () => state,
    async isOnline() {
      if (settings.canary.length === 0) return true
      const checks = settings.canary.map(({ host, port }) => observe({ probe: 'tcp', host, port, options: {} }))
      const seen = await Promise.all(checks)
      // If none is open, the vantage itself is cut off.
      const online = seen.some(({ addressResults }) =>
        addressResults.some((addressResult) => addressResult.state === 'open'),
      )
      state = online ? 'online' : 'offline'
      return online
    },
  }
}
