import type { Result } from '../findings/judge.ts'
import type { State } from '../findings/state.ts'
import type { Severity } from '../policy/policy.ts'

/** A finding in the form that ticket systems need. */
export interface TicketFinding {
  /** Identifies the series, even after its target is renamed. */
  fingerprint: string
  target: string
  address: string
  externalId: string | null
  labels: Record<string, string>
  policy: string
  rule: string
  title: string
  severity: Severity
  controls: readonly string[]
  remediation: string | null
  vantage: string
  result: Result
  state: State
  reason: { code: string; message: string }
  observedAt: string
  /** The waiver that accepts the failure. */
  waiver: string | null
}

/** Why a finding was resolved. */
export const resolutions = ['pass', 'waived', 'notapplicable', 'out-of-scope'] as const
export type Resolution = (typeof resolutions)[number]

export type TicketStep =
  | { type: 'finding.opened' | 'finding.still-open' }
  | { type: 'finding.resolved'; resolution: Resolution }

/**
 * What a finding means for its ticket. An unknown result changes nothing. A waiver resolves the ticket, and after its expiry
 * the failure opens another.
 */
export function ticketStep(
  hasTicket: boolean,
  { result, waiver }: Pick<TicketFinding, 'result' | 'waiver'>,
): TicketStep | undefined {
  if (result === 'fail' && waiver === null) return { type: hasTicket ? 'finding.still-open' : 'finding.opened' }
  if (!hasTicket) return undefined
  if (result === 'fail') return { type: 'finding.resolved', resolution: 'waived' }
  return result === 'pass' || result === 'notapplicable' ? { type: 'finding.resolved', resolution: result } : undefined
}
