import type { Result } from '../../domain/findings/judge.ts'
import { type Counts, noCounts } from '../../domain/findings/verdict.ts'
import { ageOf, cellOf, emptyCell } from '../../domain/history/matrix.ts'
import { type Severity, severities } from '../../domain/policy/policy.ts'
import { zonesOf } from '../../domain/vantages/zones.ts'
import { required } from '../../runtime/required.ts'
import type { Codes } from '../db/codes.ts'
import type { Database } from '../db/database.ts'
import { report, reportOnAll } from '../db/statements.ts'
import { integers } from '../query/array-texts.ts'
import { decodeCursor, encodeCursor, type PageRequest } from '../query/cursor-page.ts'
import { rulesAt } from '../query/point-in-time.ts'
import { andHas, type TargetScope } from '../query/target-scope.ts'
import { type CellFilter, type CellGroup, readCellGroups } from './cell-groups.ts'
import { lastAudited } from './last-seen.ts'

export const matrixOrders = ['name', 'worst'] as const
export type MatrixOrder = (typeof matrixOrders)[number]

export interface MatrixFilter extends Omit<CellFilter, 'target'> {
  /** Only targets with such a result. */
  result?: Result
  /** Only targets with a rule that passes from one vantage and fails from another. */
  disagree?: boolean
}

export interface MatrixColumn {
  policy: string
  rule: string
  vantage: string
  zones: string[]
  severity: Severity | null
}

/** Outcomes of targets at a point in time, two characters for each column, see `cellOf`. */
export interface Matrix {
  columns: MatrixColumn[]
  rows: [target: string, cells: string][]
  /** With `ages`: for each row a character for each column, see `ageOf`. */
  ages?: string[]
  /** Of all rows, not of the page alone. */
  totals: { targets: number; waived: number; counts: Counts; columns: Counts[] }
  next: string | null
}

/** Targets by rules and vantages, read from spans. */
export function createMatrixStore(db: Database, { codes, targetScope }: { codes: Codes; targetScope: TargetScope }) {
  /** The columns of these series, in their order. */
  const readColumns = (at: Date, groups: readonly CellGroup[]) =>
    reportOnAll<StoredColumn>(db)`
      SELECT r.id AS "ruleId", v.id AS "vantageId", r.policy, r.name AS rule, r.severity, v.name AS vantage, v.zones
      FROM (SELECT DISTINCT * FROM unnest(${groups.map(({ rule }) => rule)}::int[], ${groups.map(({ vantage }) => vantage)}::int[]) AS g(rule, vantage)) g
        JOIN (${rulesAt(at)}) r ON r.id = g.rule JOIN vantage v ON v.id = g.vantage
      ORDER BY r.policy, r.name, v.name`

  /** The targets by name; `isAfter`: their names come after `name`. */
  async function readTargets(ids: Iterable<number>, name: string): Promise<NamedTarget[]> {
    const [found] = await report<{ targets: NamedTarget[] | null }>(db)`
      SELECT json_agg(json_build_array(id, name, name > ${name}) ORDER BY name) AS targets FROM target
      WHERE id = ANY(${integers([...ids])}::int[]) ${andHas(targetScope, 'labels')}`
    return found?.targets ?? []
  }

  /** For each target the ages of all columns: those of a policy have the same. */
  async function agesOf(
    at: Date,
    targets: readonly NamedTarget[],
    columns: readonly MatrixColumn[],
  ): Promise<string[]> {
    const ids = targets.map(([id]) => id)
    const policies = [...new Set(columns.map(({ policy }) => policy))]
    const seen = new Map<string, Map<number, Date>>()
    for (const policy of policies) seen.set(policy, await lastAudited(db, at, policy, ids))
    return ids.map((id) => columns.map(({ policy }) => ageOf(seen.get(policy)?.get(id), at)).join(''))
  }

  return {
    /** A page of targets, by name or the worst first; the columns are those of all pages. */
    async page(
      at: Date,
      { result, disagree = false, ...filter }: MatrixFilter,
      { order, cursor, limit, ages = false }: PageRequest & { order: MatrixOrder; ages?: boolean },
    ): Promise<Matrix> {
      const [score, name] = positionOf(order, cursor)
      const groups = (await readCellGroups(db, { codes, targetScope }, at, filter)).map((group) => ({
        ...group,
        word: codes.result.wordOf(group.result),
      }))
      const chosen = chosenOf(groups, { result, disagree })
      const own = result === undefined && !disagree ? groups : groups.flatMap((group) => within(group, chosen))
      const [columns, targets] = await Promise.all([readColumns(at, own), readTargets(chosen, name)])
      const columnOf = new Map(columns.map(({ ruleId, vantageId }, i) => [keyOf(ruleId, vantageId), i]))
      const cells = own.map((group) => ({
        ...group,
        column: required(columnOf.get(keyOf(group.rule, group.vantage)), 'a column'),
      }))
      const scores = order === 'worst' ? scoresOf(cells, columns) : new Map<number, number>()
      const scoreOf = (id: number) => scores.get(id) ?? 0
      const ahead = targets
        .filter(([id, , isAfter]) => (scoreOf(id) === score ? isAfter : scoreOf(id) < score))
        .sort(([a], [b]) => scoreOf(b) - scoreOf(a))
      const shown = ahead.slice(0, limit)
      const [lastId = 0, lastName = ''] = shown.at(-1) ?? []
      const key = order === 'name' ? [lastName] : [scoreOf(lastId), lastName]
      return {
        columns: columns.map(({ ruleId: _, vantageId: __, ...column }) => ({ ...column, zones: zonesOf(column) })),
        rows: rowsOf(shown, cells, { columns: columns.length, codes }),
        ...(ages && { ages: await agesOf(at, shown, columns) }),
        totals: { targets: targets.length, ...totalsOf(cells, columns.length) },
        next: ahead.length > limit ? encodeCursor(key) : null,
      }
    },
  }
}

type Cells = CellGroup & { word: Result; column: number }
type StoredColumn = MatrixColumn & { ruleId: number; vantageId: number }
type NamedTarget = [id: number, name: string, isAfter: boolean]

const keyOf = (ruleId: number, vantageId: number) => ruleId * 2 ** 20 + vantageId

/** The targets that have the result, if one is demanded, and a rule about which vantages disagree, if that is. */
function chosenOf(
  groups: readonly (CellGroup & { word: Result })[],
  { result, disagree }: Pick<MatrixFilter, 'result' | 'disagree'>,
): Set<number> {
  const chosen = new Set(
    groups.filter(({ word }) => result === undefined || word === result).flatMap(({ targets }) => targets),
  )
  if (!disagree) return chosen
  const disagreeing = new Set<number>()
  for (const ofRule of Map.groupBy(groups, ({ rule }) => rule).values()) {
    const targetsThat = (wanted: Result) =>
      ofRule.filter(({ word }) => word === wanted).flatMap(({ targets }) => targets)
    const passing = new Set(targetsThat('pass'))
    for (const id of targetsThat('fail')) if (passing.has(id) && chosen.has(id)) disagreeing.add(id)
  }
  return disagreeing
}

function within<G extends CellGroup>(group: G, chosen: ReadonlySet<number>): G[] {
  const targets = group.targets.filter((id) => chosen.has(id))
  return targets.length > 0 ? [{ ...group, targets }] : []
}

/** The score and the name that a page comes after; by name, all targets have the score 0. */
function positionOf(order: MatrixOrder, cursor: string | undefined): [score: number, name: string] {
  if (cursor === undefined) return [order === 'name' ? 0 : Number.POSITIVE_INFINITY, '']
  if (order === 'worst') return decodeCursor(cursor, [0, '']) ?? [0, '']
  return [0, decodeCursor(cursor, [''])?.[0] ?? '']
}

/** Severity of the worst failure without a waiver, then the number of such failures, then of undecided outcomes. */
const weights = { severity: 500_000_000, failure: 10_000, most: 9_999 }
const undecided: ReadonlySet<Result> = new Set(['unknown', 'error', 'notchecked'])

function scoresOf(cells: readonly Cells[], columns: readonly MatrixColumn[]): Map<number, number> {
  const standings = new Map<number, { severity: number; failures: number; undecided: number }>()
  for (const { word, waived, column, targets } of cells) {
    const isFailure = word === 'fail' && !waived
    if (!isFailure && !undecided.has(word)) continue
    const { severity } = columns[column] ?? { severity: null }
    for (const id of targets) {
      const standing = standings.get(id) ?? { severity: 0, failures: 0, undecided: 0 }
      standings.set(id, standing)
      if (isFailure) standing.failures += 1
      else standing.undecided += 1
      if (isFailure && severity) standing.severity = Math.max(standing.severity, severities.indexOf(severity) + 1)
    }
  }
  const bounded = (count: number) => Math.min(count, weights.most)
  return new Map(
    [...standings].map(([id, standing]) => [
      id,
      standing.severity * weights.severity + bounded(standing.failures) * weights.failure + bounded(standing.undecided),
    ]),
  )
}

function rowsOf(
  targets: readonly NamedTarget[],
  cells: readonly Cells[],
  { columns, codes }: { columns: number; codes: Codes },
): Matrix['rows'] {
  const rows = new Map(targets.map(([id]) => [id, new Array<string>(columns).fill(emptyCell)]))
  for (const { word, state, waived, inWindow, column, targets: ids } of cells) {
    const cell = cellOf(word, codes.state.wordOf(state), { permitted: waived || inWindow })
    for (const id of ids) {
      const row = rows.get(id)
      if (row) row[column] = cell
    }
  }
  return targets.map(([id, name]) => [name, rows.get(id)?.join('') ?? ''])
}

function totalsOf(cells: readonly Cells[], columnCount: number): Omit<Matrix['totals'], 'targets'> {
  const counts = { ...noCounts }
  const columns = Array.from({ length: columnCount }, () => ({ ...noCounts }))
  let waived = 0
  for (const { word, column, targets, ...cell } of cells) {
    counts[word] += targets.length
    required(columns[column], 'a column')[word] += targets.length
    if (cell.waived) waived += targets.length
  }
  return { waived, counts, columns }
}
