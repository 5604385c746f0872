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

/** "3 fail, 2 proven, 1 not known": how many controls have each verdict. */
export function verdictsText(items: readonly Control[]): string {
  const count = (verdict: Control['verdict']) => items.filter((item) => item.verdict === verdict).length
  return [
    [count('fail'), 'fail'],
    [count('pass'), 'are proven'],
    [count('inconclusive'), 'are not fully tested'],
  ]
    .map(([number, words]) => `${number} ${words}`)
    .join(', ')
}
