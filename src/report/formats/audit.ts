import type { Finding } from '../../domain/findings/finding.ts'
import { results } from '../../domain/findings/judge.ts'
import type { AuditCounts, Verdict } from '../../domain/findings/verdict.ts'
import type { PolicyDocument } from '../../domain/policy/policy.ts'
import type { TextRegion } from '../../encoding/text.ts'
import type { PageUrls } from '../page-urls.ts'

/** An ended audit, without its findings. */
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
  pages: PageUrls
  /** Where a rule stands in the text of its policy. */
  regionOf(rule: string): TextRegion
}

export type ReportedFinding = Finding

/** Reads the findings of an audit in pages, grouped by target; repeatable. */
export type Findings = () => AsyncIterable<readonly ReportedFinding[]>

/** Streams a document; deterministic, with one page of findings in memory. */
export type Rendering = (audit: ReportedAudit, findings: Findings) => AsyncIterable<string>

export const startOf = ({ startedAt, createdAt }: ReportedAudit): string => startedAt ?? createdAt
export const endOf = (audit: ReportedAudit): string => audit.finishedAt ?? startOf(audit)
/** The number of findings. */
export const totalOf = ({ counts }: Pick<ReportedAudit, 'counts'>): number =>
  results.reduce((sum, result) => sum + counts[result], 0)

/** A finding in one line. */
export const sentenceOf = ({ target, vantage, state, reason, waiver }: ReportedFinding): string =>
  `${target} from ${vantage}: ${state}. ${reason.message}${waiver ? ` ${waivedText(waiver)}` : ''}`

/** Whole days from the observation to the end of the first certificate to end; undefined without one. */
export function certificateDays({
  evidence,
  observedAt,
}: Pick<Finding, 'evidence' | 'observedAt'>): number | undefined {
  const ends = Object.values(evidence?.addresses ?? {}).flatMap(({ facts }) => {
    const { certificate, tls } = facts as {
      certificate?: { notAfter?: string }
      tls?: { certificate?: { notAfter?: string } }
    }
    const notAfter = (certificate ?? tls?.certificate)?.notAfter
    return notAfter === undefined ? [] : [Date.parse(notAfter)]
  })
  return ends.length === 0 ? undefined : Math.floor((Math.min(...ends) - Date.parse(observedAt)) / 86_400_000)
}

export const waivedText = ({ id, expiresAt }: { id: string; expiresAt: string }): string =>
  `Accepted by waiver ${id} until ${expiresAt}.`
