import type { Audit } from '../../domain/audits.ts'
import type { Finding } from '../../domain/findings/finding.ts'
import type { DriftItem } from '../../store/history/drift.ts'
import type { StoredPolicy } from './policy.ts'

/** With its page in the console, where PORTWARDEN_PUBLIC_URL is set. */
type Linked<T> = T & { url: string | null }

/** With the path to its port, if that is newly blocked. */
export type TracedFinding = Finding & { trace?: { id: string; summary: string } }

export type ShownFinding = Linked<TracedFinding>

export interface Outcome {
  audit: Linked<Audit>
  findings: ShownFinding[]
  /** Drift since the baseline or the previous audit; null where there is none. */
  drift: DriftItem[] | null
  policy: StoredPolicy
  params: Readonly<Record<string, unknown>>
  sinceBaseline: string | undefined
}
