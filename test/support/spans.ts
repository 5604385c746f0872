/** The fields of a finding that decide its spans; `evidence` is compared for equality only. */
export interface SeriesPoint<E = string | number | null> {
  observedAt: number
  result: string
  state: string
  reason: string
  evidence: E
}

/** A time without a change in a series; `toAt` is null while it lasts. */
interface SeriesSpan<E = string | number | null> extends Omit<SeriesPoint<E>, 'observedAt'> {
  fromAt: number
  toAt: number | null
}

/** Builds the expected spans of one series from its findings, without late ones, which came after a newer one. */
export function buildSpans<E>(points: readonly SeriesPoint<E>[]): SeriesSpan<E>[] {
  const spans: SeriesSpan<E>[] = []
  for (const { observedAt, ...content } of points.toSorted((a, b) => a.observedAt - b.observedAt)) {
    const last = spans.at(-1)
    if (last && same(last, content)) continue
    if (last) last.toAt = observedAt
    spans.push({ ...content, fromAt: observedAt, toAt: null })
  }
  return spans
}

const same = <E>(a: Omit<SeriesPoint<E>, 'observedAt'>, b: Omit<SeriesPoint<E>, 'observedAt'>) =>
  a.result === b.result && a.state === b.state && a.reason === b.reason && Object.is(a.evidence, b.evidence)

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

/** The recorded spans of a target, by series. */
export async function recordedSpans({ query }: Queried, targetId: number): Promise<Map<number, SeriesSpan[]>> {
  const rows = await query<Row & { fromAt: number; toAt: number | null }>(
    `SELECT series_id AS series, ${content}, ${ms('from_at')} AS "fromAt", ${ms('to_at')} AS "toAt"
     FROM span WHERE target_id = ${targetId} ORDER BY series_id, from_at`,
  )
  return bySeries(rows, (some) => some.map(({ series: _, ...span }) => span))
}

/** The expected spans of a target, by series. */
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
