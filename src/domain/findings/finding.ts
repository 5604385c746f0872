import type { Evidence } from './evidence.ts'
import type { Result } from './judge.ts'
import type { ReasonCode } from './reasons.ts'
import type { State } from './state.ts'

/** Bits of one number, which the digest covers. */
export const findingFlags = { indirect: 1, late: 2 } as const

/** One rule judged for one target from one vantage. */
export interface Finding {
  /** Identifies the series, also after its target is renamed. */
  fingerprint: string
  target: string
  rule: string
  vantage: string
  result: Result
  state: State
  reason: { code: ReasonCode; message: string }
  observedAt: string
  latencyMs: number | null
  attempts: number
  indirect: boolean
  /** A newer observation was recorded before it, so it changes no history. */
  late: boolean
  evidence: Evidence | null
  /** The window that was open for it. */
  window: string | null
  /** The waiver that accepts the failure: it stays a failure. */
  waiver: { id: string; expiresAt: string } | null
}
