import type { Static } from 'typebox'
import type { DriftSummary } from '../../../api/routes/reports/schemas/drift.ts'

export type Summary = Static<typeof DriftSummary>
export type DriftClass = keyof Summary

/** The classes, the worst first. */
export const classNames: Readonly<Record<DriftClass, string>> = {
  regressed: 'Regressed',
  appeared: 'Appeared',
  obscured: 'Obscured',
  changed: 'Changed',
  vanished: 'Vanished',
  clarified: 'Clarified',
  recovered: 'Recovered',
}
export const classes = Object.keys(classNames) as DriftClass[]

/** The results whose colours bars have; `other` has a neutral one. */
export type Mark = 'fail' | 'unknown' | 'other' | 'pass'

/** How bars show classes: as the result to which they lead; what leads to none has one mark. */
const marks: Readonly<Partial<Record<DriftClass, Mark>>> = {
  regressed: 'fail',
  obscured: 'unknown',
  recovered: 'pass',
}

export interface Layer {
  mark: Mark
  count: number
}

/** The layers of a bar from the bottom up. */
export function layersOf(summary: Summary): Layer[] {
  const layers = new Map<Mark, number>()
  for (const name of classes) {
    const mark = marks[name] ?? 'other'
    layers.set(mark, (layers.get(mark) ?? 0) + summary[name])
  }
  return (['fail', 'unknown', 'other', 'pass'] as const)
    .map((mark) => ({ mark, count: layers.get(mark) ?? 0 }))
    .filter(({ count }) => count > 0)
}

export const totalOf = (summary: Summary): number => classes.reduce((sum, name) => sum + summary[name], 0)

/** "3 regressed, 1 recovered". */
export const summaryText = (summary: Summary): string =>
  classes
    .filter((name) => summary[name] > 0)
    .map((name) => `${summary[name].toLocaleString('en')} ${classNames[name].toLowerCase()}`)
    .join(', ') || 'nothing changed'
