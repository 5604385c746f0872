import { isFromHost } from '../../domain/findings/host-response.ts'
import type { Dialler } from '../network/dial.ts'
import { createDeadline } from './deadline.ts'
import type { Endpoint, Outcome } from './probe.ts'
import type { Budget } from './socket-budget.ts'

/**
 * How long one connection must stay silent before its host can be believed to be there. Address resolution fails after three
 * seconds, at the vantage and at the last router (RFC 4861 section 10; Linux: arp(7)), and reports every packet that waits for it.
 */
export const presenceMs = 3_500

interface PresenceParts {
  dialler: Dialler
  budget: Budget
}

/** What the running checks of one address know of its host. */
export interface HostPresence {
  /** Records the outcome of a try. */
  saw(outcome: Outcome): void
  /** Begins to wait for a report of the absence of a silent host, with one connection for all of its checks. */
  await(endpoint: Endpoint): void
  /** Resolves to why the silence is not that of a filter; undefined if the host responds elsewhere, or nothing was reported. */
  explainSilence(): Promise<Outcome | undefined>
  /** Ends the part of one check. */
  leave(): void
}

interface Host {
  checks: number
  responded: boolean
  explanation?: Outcome
  report?: { ended: Promise<void>; abort: AbortController }
}

/** Shares what is known of hosts between their running checks. */
export function createPresence({ dialler, budget }: PresenceParts): (address: string) => HostPresence {
  const hosts = new Map<string, { host: Host; presence: HostPresence }>()

  async function waitForReport(
    endpoint: Endpoint,
    { host, signal }: { host: Host; signal: AbortSignal },
  ): Promise<void> {
    await budget.acquire(endpoint.address)
    try {
      if (signal.aborted) return
      const outcome = await dialler.reach(endpoint, createDeadline(presenceMs), signal)
      // A local failure explains silence too: nothing is known of the host then.
      const explains = outcome.state === 'unreachable' || outcome.state === 'unknown'
      if (explains && !signal.aborted) host.explanation ??= outcomeOf(outcome)
    } finally {
      budget.release(endpoint.address)
    }
  }

  const presenceOf = (address: string, host: Host): HostPresence => ({
    saw(outcome) {
      if (isFromHost(outcome, address)) {
        host.responded = true
        host.report?.abort.abort()
      } else if (outcome.state === 'unreachable') host.explanation ??= outcomeOf(outcome)
    },
    await(endpoint) {
      if (host.responded || host.report) return
      const abort = new AbortController()
      host.report = { ended: waitForReport(endpoint, { host, signal: abort.signal }), abort }
    },
    async explainSilence() {
      if (!host.responded && !host.explanation) await host.report?.ended
      return host.responded ? undefined : host.explanation
    },
    leave() {
      host.checks -= 1
      if (host.checks > 0) return
      hosts.delete(address)
      host.report?.abort.abort()
    },
  })

  return (address) => {
    const known = hosts.get(address)
    if (known) {
      known.host.checks += 1
      return known.presence
    }
    const host: Host = { checks: 1, responded: false }
    const presence = presenceOf(address, host)
    hosts.set(address, { host, presence })
    return presence
  }
}

const outcomeOf = ({ state, reason, rejectedBy }: Outcome): Outcome =>
  rejectedBy === undefined ? { state, reason } : { state, reason, rejectedBy }
