import { glyphs } from '../../parts/results/glyphs.ts'
import { resultNames, resultOrder } from '../../parts/results/results.ts'
import { vantageText } from '../findings/current-finding.ts'
import { type Cell, cellAt, type Kind } from './cells.ts'
import { type Column, cellText, type Matrix } from './report.ts'

/** What the cells show. */
export const modes = {
  result: 'Results',
  state: 'States of ports',
  age: 'Age of the last audit',
  parallax: 'Vantages side by side',
} as const
export type Mode = keyof typeof modes

/** A kind of cell: its sign, and what it means. */
export interface Tile {
  kind: Kind
  sign: string
  text: string
}

const results: readonly Tile[] = resultOrder.map((kind) => ({
  ...{ kind, sign: glyphs[kind] },
  text: kind === 'waived' ? 'Waived, or in a window' : resultNames[kind],
}))

/** The kinds of cells of each mode, what needs a person first. */
export const tiles: Readonly<Record<Mode, readonly Tile[]>> = {
  result: results,
  parallax: results,
  state: [
    { kind: 'open', sign: 'M3 8h9m-3.500-3.500L12 8l-3.500 3.500', text: 'Open' },
    { kind: 'unresolved', sign: glyphs.unknown, text: 'Unresolved or unknown' },
    { kind: 'unreachable', sign: 'M3 8h3M10 8h3M9 5l-2 6', text: 'Unreachable' },
    { kind: 'filtered', sign: 'M3 8h5M11.500 3v2M11.500 7v2M11.500 11v2', text: 'Filtered' },
    { kind: 'closed', sign: 'M3 8h6M11.500 3v10', text: 'Closed' },
    ...results.filter(({ kind }) => kind === 'notchecked' || kind === 'notapplicable'),
  ],
  age: [
    { kind: 'never', sign: glyphs.unknown, text: 'No audit of all rules known' },
    { kind: 'week', sign: glyphs.waived, text: '7 days or longer ago' },
    { kind: 'days', sign: 'M8 3v5l3 3', text: '2 to 6 days ago' },
    { kind: 'fresh', sign: glyphs.pass, text: 'Within 2 days' },
  ],
}

/** A column of the matrix: a rule from one vantage, or from all. */
export interface ShownColumn {
  policy: string
  rule: string
  /** Name of the vantage; undefined for all. */
  vantage: string | undefined
  /** "client (branch)", or how many vantages. */
  from: string
  /** The columns of the report. */
  sources: readonly { index: number; from: string }[]
  failures: number
}

/** The columns of a mode: vantages side by side share the column of their rule. */
export function columnsOf(mode: Mode, { columns, totals }: Pick<Matrix, 'columns' | 'totals'>): ShownColumn[] {
  const one = (column: Column, index: number): ShownColumn => ({
    ...{ policy: column.policy, rule: column.rule, vantage: column.vantage, from: vantageText(column) },
    sources: [{ index, from: vantageText(column) }],
    failures: totals.columns[index]?.fail ?? 0,
  })
  const single = columns.map(one)
  if (mode !== 'parallax') return single
  const byRule = Map.groupBy(single, ({ policy, rule }) => JSON.stringify([policy, rule]))
  return [...byRule.values()].flatMap((group) =>
    group.slice(0, 1).map((first) =>
      group.length === 1
        ? first
        : {
            ...first,
            vantage: undefined,
            from: `${group.length} vantages`,
            sources: group.flatMap(({ sources }) => sources),
            failures: group.reduce((sum, { failures }) => sum + failures, 0),
          },
    ),
  )
}

export const titleOf = ({ rule, from }: Pick<ShownColumn, 'rule' | 'from'>): string => `${rule} · ${from}`

/** Whether vantages disagree: from one the rule passes, from another it fails. */
export function disagrees(cells: string, { sources }: ShownColumn): boolean {
  if (sources.length < 2) return false
  let [passes, fails] = [false, false]
  for (const { index } of sources) {
    const letter = cells[index * 2]
    passes ||= letter === 'p' || letter === 'P'
    fails ||= letter === 'f' || letter === 'F'
  }
  return passes && fails
}

const ageTexts: Readonly<Record<string, string>> = { '-': 'no audit of all rules known', 0: 'audited within a day' }
const ageText = (age: string | undefined) =>
  ageTexts[age ?? '-'] ?? `audited ${age}${age === '9' ? ' days or longer' : age === '1' ? ' day' : ' days'} ago`

function textOf(mode: Mode, cell: Cell | undefined, age: string | undefined): string {
  const words = cellText(cell)
  if (!cell) return words
  if (mode === 'age') return `${ageText(age)}: ${words}`
  return mode === 'state' && cell.state !== 'unknown' ? `${cell.state}: ${words}` : words
}

/** What a cell says, in words. */
export function saidOf(mode: Mode, column: ShownColumn, cells: string, ages = ''): string {
  const said = column.sources.map(({ index, from }) => {
    const text = textOf(mode, cellAt(cells, index), ages[index])
    return column.sources.length > 1 ? `${from}: ${text}` : text
  })
  return said.join('; ') + (disagrees(cells, column) ? '; the vantages disagree' : '')
}
