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

/** What a finding says of its failure; undefined: nothing, because its result is unknown. */
export function failureOf({
  result,
  waiver,
}: Pick<TicketFinding, 'result' | 'waiver'>): 'fails' | Resolution | undefined {
  if (result === 'fail') return waiver === null ? 'fails' : 'waived'
  return result === 'pass' || result === 'notapplicable' ? result : undefined
}
