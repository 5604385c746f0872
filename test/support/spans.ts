import { buildSpans, type SeriesSpan } from '../../src/domain/spans.ts'

interface Queried {
  /** Rows of a statement. */
  query<Row extends object>(statement: string): Promise<Row[]>
}
interface Row {
  series: number
  result: string
  state: string
  reason: string
  evidence: string
}
const content = `result::text, state::text, reason_id::text AS reason, evidence_id::text AS evidence`
const ms = (column: string) => `(extract(epoch FROM ${column}) * 1000)::float8`

/** What recording wrote for a target, by series. */
export async function recordedSpans({ query }: Queried, targetId: number): Promise<Map<number, SeriesSpan[]>> {
  const rows = await query<Row & { fromAt: number; toAt: number | null }>(
    `SELECT series_id AS series, ${content}, ${ms('from_at')} AS "fromAt", ${ms('to_at')} AS "toAt"
     FROM span WHERE target_id = ${targetId} ORDER BY series_id, from_at`,
  )
  return bySeries(rows, (some) => some.map(({ series: _, ...span }) => span))
}

/** What the findings of a target that did not come late make, by series. */
export async function rebuiltSpans({ query }: Queried, targetId: number): Promise<Map<number, SeriesSpan[]>> {
  const rows = await query<Row & { observedAt: number }>(
    `SELECT series_id AS series, ${content}, ${ms('observed_at')} AS "observedAt"
     FROM finding WHERE target_id = ${targetId} AND flags & 2 = 0 ORDER BY random()`,
  )
  return bySeries(rows, (some) => buildSpans(some.map(({ series: _, ...point }) => point)))
}

function bySeries<R extends Row>(rows: R[], toSpans: (rows: R[]) => SeriesSpan[]): Map<number, SeriesSpan[]> {
  return new Map([...Map.groupBy(rows, ({ series }) => series)].sort().map(([id, some]) => [id, toSpans(some)]))
}
