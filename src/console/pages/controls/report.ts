import type { Static } from 'typebox'
import type { ControlReport as ControlReportSchema } from '../../../api/routes/reports/schemas/controls.ts'

export type ControlReport = Static<typeof ControlReportSchema>
export type Control = ControlReport['items'][number]

/** The name of a control as rules write it. */
export const nameOf = ({ framework, control }: Pick<Control, 'framework' | 'control'>): string =>
  `${framework}:${control}`

/** The controls by framework, in the order of the report. */
export const byFramework = (items: readonly Control[]): [framework: string, controls: Control[]][] => [
  ...Map.groupBy(items, ({ framework }) => framework),
]

/** What is proven neither way, in words: "ssh-support: not checked (3)". */
export const notTestedText = ({ notTested }: Control): string[] =>
  notTested.map(({ rule, why, count }) =>
    count === null ? `${rule}: never audited` : `${rule}: ${whyWords[why]} (${count.toLocaleString('en')})`,
  )

const whyWords: Readonly<Record<Control['notTested'][number]['why'], string>> = {
  'never-audited': 'never audited',
  unknown: 'unknown',
  error: 'error',
  notchecked: 'not checked',
  notapplicable: 'not applicable',
}

/** A control with its verdict at an earlier time: null if it had none. One that `isGone` was only there then. */
export type ComparedControl = Control & { before: Control['verdict'] | null; isGone: boolean }

/** Controls of an earlier report that no rule names any more. */
export function goneControls(before: readonly Control[], now: readonly Control[]): Control[] {
  const names = new Set(now.map(nameOf))
  return before.filter((control) => !names.has(nameOf(control)))
}

/** Controls with their verdicts of before, those that differ first, and those that are worse before those that are better. */
export function compareControls(before: readonly Control[], now: readonly Control[]): ComparedControl[] {
  const earlier = new Map(before.map((control) => [nameOf(control), control.verdict]))
  return [
    ...now.map((control) => ({ ...control, before: earlier.get(nameOf(control)) ?? null, isGone: false })),
    ...goneControls(before, now).map((control) => ({ ...control, before: control.verdict, isGone: true })),
  ].toSorted((a, b) => rankOf(a) - rankOf(b))
}

const goodness = { fail: 0, inconclusive: 1, pass: 2 }
function rankOf({ before, verdict, isGone }: ComparedControl): number {
  if (isGone) return 3
  if (before === verdict) return 4
  if (before === null) return 2
  return goodness[verdict] < goodness[before] ? 0 : 1
}

/** "1 control is worse, 2 are better, 1 is new, 1 is gone". */
export function changesText(controls: readonly ComparedControl[]): string {
  const words: readonly (readonly [rank: number, word: string])[] = [
    [0, 'worse'],
    [1, 'better'],
    [2, 'new'],
    [3, 'gone'],
  ]
  const counts = words
    .map(([rank, word]) => [controls.filter((control) => rankOf(control) === rank).length, word] as const)
    .filter(([count]) => count > 0)
    .map(
      ([count, word], i) =>
        `${count}${i === 0 ? (count === 1 ? ' control' : ' controls') : ''} ${count === 1 ? 'is' : 'are'} ${word}`,
    )
  return counts.length > 0 ? counts.join(', ') : 'nothing changed'
}

/** "3 fail, 2 are proven, 1 is not fully tested": how many controls have each verdict. */
export function verdictsText(items: readonly Control[]): string {
  const count = (verdict: Control['verdict']) => items.filter((item) => item.verdict === verdict).length
  return [
    [count('fail'), 'fails', 'fail'] as const,
    [count('pass'), 'is proven', 'are proven'] as const,
    [count('inconclusive'), 'is not fully tested', 'are not fully tested'] as const,
  ]
    .map(([number, one, many]) => `${number} ${number === 1 ? one : many}`)
    .join(', ')
}
