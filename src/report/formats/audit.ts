import type { Finding } from '../../domain/findings/finding.ts'
import { results } from '../../domain/findings/judge.ts'
import type { AuditCounts, Verdict } from '../../domain/findings/verdict.ts'
import type { PolicyDocument } from '../../domain/policy/policy.ts'

/** An audit that has ended, with what its documents say besides the findings. */
export interface ReportedAudit {
  id: string
  status: string
  verdict: Verdict | null
  counts: AuditCounts
  policy: { name: string; version: number; digest: string; document: PolicyDocument }
  trigger: string
  correlationId: string | null
  reason: string | null
  error: string | null
  createdAt: string
  startedAt: string | null
  finishedAt: string | null
  /** The version of Portwarden that writes the document. */
  toolVersion: string
}

export type ReportedFinding = Finding

/** The findings of an audit from the first to the last, as often as they are asked for: all of a target follow each other. */
export type Findings = () => AsyncIterable<readonly ReportedFinding[]>

/** Writes an audit as a document, in pieces: the same audit gives the same text, and memory holds a page of findings. */
export type Rendering = (audit: ReportedAudit, findings: Findings) => AsyncIterable<string>

export const startOf = ({ startedAt, createdAt }: ReportedAudit): string => startedAt ?? createdAt
export const endOf = (audit: ReportedAudit): string => audit.finishedAt ?? startOf(audit)
/** How many findings the audit has. */
export const totalOf = ({ counts }: Pick<ReportedAudit, 'counts'>): number =>
  results.reduce((sum, result) => sum + counts[result], 0)

/** What a finding says, as one line. */
export const sentenceOf = ({ target, vantage, state, reason, waiver }: ReportedFinding): string =>
  `${target} from ${vantage}: ${state}. ${reason.message}${waiver ? ` ${waivedText(waiver)}` : ''}`

export const waivedText = ({ id, expiresAt }: { id: string; expiresAt: string }): string =>
  `Accepted by waiver ${id} until ${expiresAt}.`
