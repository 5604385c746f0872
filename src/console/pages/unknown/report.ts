import type { Static } from 'typebox'
import type { UnknownReport as ReportSchema } from '../../../api/routes/reports/schemas/unknown.ts'

export type UnknownReport = Static<typeof ReportSchema>
export type Cause = UnknownReport['causes'][number]
export type Item = UnknownReport['items'][number]

export const itemsOf = ({ items }: UnknownReport, { cause }: Cause): Item[] =>
  items.filter((item) => item.cause === cause)

const units: Readonly<Record<string, readonly [one: string, many: string]>> = {
  'never-audited': ['target', 'targets'],
  'missed-run': ['run', 'runs'],
}

/** "2 checks", "1 target", "3 runs": the count in the unit of its cause. */
export function countText({ cause, count }: Pick<Cause, 'cause' | 'count'>): string {
  const [one, many] = units[cause] ?? ['check', 'checks']
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`
}

/** "3 checks, 2 targets": the same with the targets behind checks. */
export const sizeText = (cause: Cause): string =>
  cause.targets > 0 && cause.cause !== 'never-audited'
    ? `${countText(cause)} on ${cause.targets.toLocaleString('en')} ${cause.targets === 1 ? 'target' : 'targets'}`
    : countText(cause)

/** What is not known in one sentence: undecided checks, old ones, targets and runs. */
export function sentence({ causes }: Pick<UnknownReport, 'causes'>): string {
  const countOf = (wanted: string) => causes.find(({ cause }) => cause === wanted) ?? { count: 0 }
  const others = ['never-audited', 'stale', 'missed-run']
  const undecided = causes.reduce((sum, { cause, count }) => (others.includes(cause) ? sum : sum + count), 0)
  const of = (cause: Cause['cause'], one: string, many: string) => {
    const { count } = countOf(cause)
    return count > 0 ? [`${countText({ cause, count })} ${count === 1 ? one : many}`] : []
  }
  const parts = [
    ...(undecided > 0
      ? [
          `${countText({ cause: 'inconclusive', count: undecided })} ${undecided === 1 ? 'has' : 'have'} no conclusive outcome`,
        ]
      : []),
    ...of('stale', 'is too old to count on', 'are too old to count on'),
    ...of('never-audited', 'was never audited', 'were never audited'),
    ...of('missed-run', 'of a schedule had no audit', 'of schedules had no audit'),
  ]
  if (parts.length === 0) return 'Every check of every target has a conclusive outcome that is new enough.'
  const last = parts.pop()
  return `${parts.length > 0 ? `${parts.join(', ')}, and ${last}` : last}.`
}
