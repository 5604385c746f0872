import type { Static } from 'typebox'
import type { Span as SpanSchema } from '../../../api/routes/reports/schemas/history.ts'
import { resultOrder, type ShownResult, shownResult } from '../../parts/results/results.ts'
import { vantageText } from '../findings/current-finding.ts'

/** Typed by hand what the lanes need: inferring the facts of all protocols takes the compiler a minute. */
export type Span = Pick<
  Static<typeof SpanSchema>,
  'fingerprint' | 'policy' | 'rule' | 'vantage' | 'result' | 'state' | 'from' | 'to'
>

/** A rule seen from a vantage over time. */
export interface Lane {
  fingerprint: string
  policy: string
  rule: string
  from: string
  /** Oldest first. */
  spans: { result: ShownResult; state: string; from: string; to: string | null }[]
}

/** A lane for each rule and vantage; those that are worst at the end come first. */
export function lanesOf(spans: readonly Span[]): Lane[] {
  const bySeries = Map.groupBy(spans, ({ fingerprint }) => fingerprint)
  const lanes = [...bySeries.values()].flatMap((group) =>
    group.slice(0, 1).map(({ fingerprint, policy, rule, vantage }) => ({
      ...{ fingerprint, policy, rule, from: vantageText({ vantage }) },
      spans: group
        .map(({ result, state, from, to }) => ({ result: shownResult(result), state, from, to }))
        .sort((a, b) => Date.parse(a.from) - Date.parse(b.from)),
    })),
  )
  const rank = ({ spans: own }: Lane) => resultOrder.indexOf(own.at(-1)?.result ?? 'notapplicable')
  return lanes.sort((a, b) => rank(a) - rank(b) || (a.rule + a.from < b.rule + b.from ? -1 : 1))
}

/** What was true of a lane at a time; undefined where nothing was known. */
export const spanAt = ({ spans }: Lane, time: number): Lane['spans'][number] | undefined =>
  spans.findLast(({ from, to }) => Date.parse(from) <= time && (to === null || Date.parse(to) > time))

/** How many lanes have which result at a time. */
export function countsAt(lanes: readonly Lane[], time: number): Partial<Record<ShownResult, number>> {
  const counts: Partial<Record<ShownResult, number>> = {}
  for (const lane of lanes) {
    const span = spanAt(lane, time)
    if (span) counts[span.result] = (counts[span.result] ?? 0) + 1
  }
  return counts
}
