import { isFromHost } from '../../domain/findings/host-response.ts'
import type { Dialler, Extension } from '../network/dial.ts'
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
  /**
   * Lets one silent connection of the host stay open. It is the first one, because a router that limits its ICMP messages
   * reports the oldest packets. `owner` receives its end if it does.
   */
  extend(owner: { wasExtended(ended: Promise<unknown>): void }): Extension | undefined
  /** Records the outcome of a try, and whether it was the extended one. */
  saw(outcome: Outcome, extended: boolean): void
  /** Resolves to why the silence is not that of a filter; undefined if the host responds elsewhere, or nothing was reported. */
  explainSilence(endpoint: Endpoint): Promise<Outcome | undefined>
  /** Whether it responded to a connection after the time of a try, so that the silence of its ports proves less. */
  isSlow(): boolean
  /** Ends the part of one check. */
  leave(): void
}

interface Host {
  address: string
  checks: number
  responded: boolean
  isSlow: boolean
  explanation?: Outcome
  /** A try may be extended. */
  claimed: boolean
  report?: { ended: Promise<void>; abort: AbortController }
}

/** Shares what is known of hosts between their running checks. */
export function createPresence({ dialler, budget }: PresenceParts): (address: string) => HostPresence {
  const hosts = new Map<string, { host: Host; presence: HostPresence }>()

  const expectReport = (host: Host, outcome: Promise<Outcome>): AbortController => {
    const abort = new AbortController()
    const ended = outcome.then((result) => {
      // A local failure explains silence too: nothing is known of the host then.
      if (isFromHost(result, host.address)) host.isSlow = true
      const explains = result.state === 'unreachable' || result.state === 'unknown'
      if (explains && !abort.signal.aborted) host.explanation ??= outcomeOf(result)
    })
    host.report = { ended, abort }
    return abort
  }
  const connectOnce = async (endpoint: Endpoint): Promise<Outcome> => {
    await budget.acquire(endpoint.address)
    try {
      return await dialler.reach(endpoint, createDeadline(presenceMs))
    } finally {
      budget.release(endpoint.address)
    }
  }

  const presenceOf = (address: string, host: Host): HostPresence => ({
    extend(owner) {
      if (host.claimed || host.responded || host.report) return undefined
      host.claimed = true
      return {
        ms: presenceMs,
        begin(outcome) {
          if (host.responded || host.report) return undefined
          owner.wasExtended(outcome)
          return expectReport(host, outcome).signal
        },
      }
    },
    saw(outcome, extended) {
      if (extended) host.claimed = false
      if (isFromHost(outcome, address)) {
        host.responded = true
        host.report?.abort.abort()
      } else if (outcome.state === 'unreachable') host.explanation ??= outcomeOf(outcome)
    },
    async explainSilence(endpoint) {
      if (!host.responded && !host.explanation) {
        // No try could be extended, since another check's was, and it was not silent.
        if (!host.report) expectReport(host, connectOnce(endpoint))
        await host.report?.ended
      }
      return host.responded ? undefined : host.explanation
    },
    isSlow: () => host.isSlow,
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
    const host: Host = { address, checks: 1, responded: false, isSlow: false, claimed: false }
    const presence = presenceOf(address, host)
    hosts.set(address, { host, presence })
    return presence
  }
}

const outcomeOf = ({ state, reason, rejectedBy }: Outcome): Outcome =>
  rejectedBy === undefined ? { state, reason } : { state, reason, rejectedBy }
