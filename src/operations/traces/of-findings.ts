import type { Evidence } from '../../domain/findings/evidence.ts'
import type { State } from '../../domain/findings/state.ts'
import { describeTrace } from '../../domain/traces/sentence.ts'
import type { TraceResult } from '../../domain/traces/trace.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { StoredTrace } from '../../store/traces/traces.ts'

/** A trace that explains a finding. */
export interface ShownTrace {
  id: string
  /** Its result as a sentence. */
  summary: string
}

interface TracedFinding {
  target: string
  vantage: string
  state: State
  evidence: Evidence | null
}

/** Adds the traces that an audit has caused to its findings. */
export async function withTraces<F extends TracedFinding>(
  { traces }: Pick<Stores, 'traces'>,
  auditId: string,
  findings: readonly F[],
): Promise<(F & { trace?: ShownTrace })[]> {
  const made = await traces.ofAudit(auditId)
  return findings.map((finding) => {
    const [trace] = made
      .filter(({ target, vantage }) => target === finding.target && vantage === finding.vantage)
      .flatMap((one) => shownFor(finding, one))
    return trace ? { ...finding, trace } : finding
  })
}

/** The newest trace that was made at `at` and explains a finding, since the finding is so; null for none. */
export async function newestTrace(
  { traces }: Pick<Stores, 'traces'>,
  finding: TracedFinding & { since: string },
  at: Date,
): Promise<ShownTrace | null> {
  const { target, vantage, evidence, since } = finding
  if (!evidence) return null
  const made = await traces.madeFor({ target, vantage, port: evidence.port }, { from: new Date(since), until: at })
  return made.flatMap((one) => shownFor(finding, one))[0] ?? null
}

/** Empty where the trace is that of another host or port, or the port is not blocked. */
function shownFor({ state, evidence }: TracedFinding, { id, result }: StoredTrace): ShownTrace[] {
  if ((state !== 'filtered' && state !== 'closed') || !evidence || !result) return []
  return isOf(evidence, result) ? [{ id, summary: describeTrace(result) }] : []
}

/** A rule can name another host than its target, so that the port alone does not decide. */
const isOf = ({ port, addresses }: Evidence, { address, path }: TraceResult): boolean =>
  path.port === port && address in addresses
