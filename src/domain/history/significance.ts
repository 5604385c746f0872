import type { DriftClass, FieldChange, SeriesOutcome } from './drift.ts'

/** How much a change deserves to be looked at: `alert` now, `notice` in the next review, `info` for the record. */
export const significances = ['info', 'notice', 'alert'] as const
export type Significance = (typeof significances)[number]

const max = (values: readonly Significance[]): Significance =>
  values.reduce<Significance>(
    (most, next) => (significances.indexOf(next) > significances.indexOf(most) ? next : most),
    'info',
  )

/** Fields of evidence that say more than `info` when they change; the first pattern that fits decides. */
const fields: readonly (readonly [RegExp, Significance])[] = [
  [/\/facts\/hostKey\//, 'alert'], // another machine, or an interception
  [/\/trusted$/, 'alert'],
  [/\/bind(\/|$)/, 'notice'],
  [/\/certificate\/(issuer|publicKey)(\/|$)/, 'notice'], // a renewal that keeps both says nothing of the kind
  [/\/certificate\/(subject|sans)(\/|$)/, 'notice'],
  [/\/(protocol|versions|algorithms|security|activeDirectory)(\/|$)/, 'notice'],
  [/^\/state$/, 'notice'],
]

const byClass: Record<DriftClass, Significance> = {
  regressed: 'notice',
  recovered: 'info',
  changed: 'info',
  obscured: 'notice',
  clarified: 'info',
  appeared: 'info',
  vanished: 'notice',
}

/** The significance of one changed field. A fact that only came or went with its port says nothing by itself. */
export const significanceOf = ({ path, before, after }: FieldChange): Significance =>
  before === null || after === null ? 'info' : (fields.find(([pattern]) => pattern.test(path))?.[1] ?? 'info')

const isExposed = (side: SeriesOutcome | undefined) =>
  side?.result === 'fail' && side.reason === 'unexpected-state' && side.state === 'open'

/** The significance of an item of drift: that of its class or of its weightiest field. A forbidden port that opened is an alert. */
export function significanceOfDrift(
  kind: DriftClass,
  {
    before,
    after,
    changes,
  }: { before: SeriesOutcome | undefined; after: SeriesOutcome | undefined; changes: readonly FieldChange[] },
): Significance {
  if (isExposed(after) && !isExposed(before)) return 'alert'
  return max([byClass[kind], ...changes.map(significanceOf)])
}
