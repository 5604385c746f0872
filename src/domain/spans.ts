/** One finding of a series, as far as its spans depend on it. `evidence` may be a digest or an id: only its equality counts. */
export interface SeriesPoint<E = string | number | null> {
  observedAt: number
  result: string
  state: string
  reason: string
  evidence: E
}

/** A stretch of time in which a series did not change; `toAt` is null while it lasts. */
export interface SeriesSpan<E = string | number | null> extends Omit<SeriesPoint<E>, 'observedAt'> {
  fromAt: number
  toAt: number | null
}

/**
 * Builds the spans of one series from its findings, as recording them one by one does: a span begins where result, state,
 * reason or evidence differ from what was before. Findings that came late, after a newer one, are not to be given.
 */
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
