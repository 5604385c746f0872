import { protocolNames, protocols } from '../protocols/index.ts'
import type { FactSignificance } from '../protocols/protocol.ts'
import type { DriftClass, FieldChange, SeriesOutcome } from './drift.ts'

/** How soon a change deserves a review: `alert` now, `notice` in the next review, `info` for the record. */
export const significances = ['info', 'notice', 'alert'] as const
export type Significance = (typeof significances)[number]

const max = (values: readonly Significance[]): Significance =>
  values.reduce<Significance>(
    (most, next) => (significances.indexOf(next) > significances.indexOf(most) ? next : most),
    'info',
  )

/** By fact path, the same for every protocol. */
const significantFacts: Readonly<Record<string, FactSignificance | undefined>> = Object.assign(
  {},
  ...protocolNames.map((name) => protocols[name].significance),
)

/** The longest listed path decides. */
function significanceOfFact(path: string): Significance {
  const parts = path.split('/')
  for (let length = parts.length; length > 0; length -= 1) {
    const listed = significantFacts[parts.slice(0, length).join('/')]
    if (listed) return listed
  }
  return 'info'
}

const byClass: Record<DriftClass, Significance> = {
  regressed: 'notice',
  recovered: 'info',
  changed: 'info',
  obscured: 'notice',
  clarified: 'info',
  appeared: 'info',
  vanished: 'notice',
}

/** The significance of a changed field; a fact that came or went with its port is `info`. */
export function significanceOf({ path, before, after }: FieldChange): Significance {
  if (before === null || after === null) return 'info'
  if (path === '/state') return 'notice'
  const [, fact] = /\/facts\/(.+)$/.exec(path) ?? []
  return fact === undefined ? 'info' : significanceOfFact(fact)
}

const isExposed = (side: SeriesOutcome | undefined) =>
  side?.result === 'fail' && side.reason === 'unexpected-state' && side.state === 'open'

/** The maximum of the class and the changed fields; a newly open forbidden port is an alert. */
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
