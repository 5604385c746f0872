import type { ResolvedExpectation } from '../policy/policy.ts'
import { type PortItem, portsOf } from '../policy/port-set.ts'
import { isSilent } from './host-response.ts'
import type { AddressResult } from './observation.ts'
import type { ReasonCode } from './reasons.ts'
import type { State } from './state.ts'

interface PortsJudgement {
  result: 'pass' | 'fail' | 'unknown' | 'error'
  state: State
  reason: ReasonCode
}

interface Claim {
  ports: readonly PortItem[]
  expect: ResolvedExpectation
}

/** Judges a set of ports at one address. An open port that may not be outweighs unknown ones; a port without a fact is unknown. */
export function judgePorts({ ports, expect }: Claim, result: AddressResult<'tcp'>): PortsJudgement {
  const { facts, reason } = result
  const isAway = result.state === 'unreachable' // so explained by another check of the host
  const seen: Record<'open' | 'closed' | 'filtered' | 'unreachable', number[]> = {
    open: portsOf(facts.open),
    closed: portsOf(facts.closed),
    filtered: isAway ? [] : portsOf(facts.filtered),
    unreachable: portsOf([...(facts.unreachable ?? []), ...(isAway ? (facts.filtered ?? []) : [])]),
  }
  const mayBeOpen = new Set(portsOf(expect.onlyOpen ?? []))
  const allowed: readonly State[] = expect.onlyOpen ? ['closed', 'filtered'] : (expect.state ?? ['open'])
  const matters = (port: number) => !mayBeOpen.has(port)
  if (!allowed.includes('open') && seen.open.some(matters))
    return { result: 'fail', state: 'open', reason: 'ports-unexpectedly-open' }

  const closedIsAllowed = allowed.includes('closed') || allowed.includes('filtered')
  const decided = new Set(seen.open)
  for (const state of ['closed', 'filtered', 'unreachable'] as const) {
    const found = seen[state].filter(matters)
    const isAllowed = allowed.includes(state)
    if (found.length > 0 && !isAllowed && !(state === 'unreachable' && closedIsAllowed))
      return { result: 'fail', state, reason: 'ports-not-as-expected' }
    if (isAllowed) for (const port of found) decided.add(port)
  }
  if (portsOf(facts.denied).some(matters)) return { result: 'error', state: 'unknown', reason: 'egress-denied' }
  const unknown = portsOf(ports).filter((port) => matters(port) && !decided.has(port))
  if (unknown.length > 0) {
    const isWhole = result.state === 'unreachable' || result.state === 'unknown'
    return {
      result: 'unknown',
      state: isWhole ? result.state : 'unknown',
      reason: isWhole ? reason : 'ports-undecided',
    }
  }
  const isQuiet = isSilent(result) && result.hostAnswered !== true
  if (!isQuiet) return { result: 'pass', state: result.state, reason: 'as-expected' }
  // Nothing responded: that only one port is open would be a claim about a host that may be absent.
  if (expect.hostAnswered ?? expect.onlyOpen !== undefined)
    return {
      result: 'unknown',
      state: 'filtered',
      reason: result.hostAnswered === false ? 'host-silent' : 'facts-missing',
    }
  return {
    result: 'pass',
    state: 'filtered',
    reason: result.hostAnswered === false ? 'silence-accepted' : 'as-expected',
  }
}
