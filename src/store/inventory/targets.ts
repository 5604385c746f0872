import { splitReferences } from '../../domain/targets.ts'
import { timeOfChange } from '../db/clock.ts'
import { type Database, Prisma, transact } from '../db/database.ts'
import { prepared, report } from '../db/statements.ts'
import type { Target as Row } from '../generated/client.ts'
import { andAll } from '../query/conditions.ts'
import { cutPage, decodeCursor, type Page, type PageRequest } from '../query/cursor-page.ts'
import type { Selection } from '../query/selection.ts'
import {
  andHas,
  hasLabels,
  isEverything,
  isIn,
  outsideOf,
  type TargetScope,
  withLabels,
} from '../query/target-scope.ts'
import { containsText } from '../query/text-search.ts'
import { fieldsOf, fieldsOfRow, type TargetFields, type TargetInput, targetSql } from './target-columns.ts'

export type { TargetInput } from './target-columns.ts'

export interface Target extends TargetFields {
  name: string
  createdAt: string
  updatedAt: string
  retiredAt: string | null
}

/** With the columns that the API hides. */
export interface StoredTarget extends Target {
  id: number
  version: number
}

interface TargetFilter {
  labels: Record<string, string>
  /** A part of the name, the address or the external id, in any case. */
  q?: string
  externalId?: string
  since?: Date
}

interface TargetQuery extends TargetFilter {
  cursor?: string
  limit: number
}

interface LabelQuery extends PageRequest {
  key?: string
}

/** A label, and how many targets have it. */
export interface LabelCount {
  key: string
  value: string
  targets: number
}

/** Targets by name. Deleting one retires it: its history stays, and the same name continues it. */
export function createTargetStore(db: Database, targetScope: TargetScope) {
  const own = withLabels(targetScope)
  const live = { retiredAt: null, ...own }
  const checkLabels = ({ name, labels = {} }: TargetInput) => {
    if (!isIn(targetScope, labels)) throw outsideOf(targetScope, name)
  }
  return {
    async find(name: string): Promise<StoredTarget | undefined> {
      const [row] = await prepared<Row>(db)`
        ${selectTarget} WHERE name = ${name} AND retired_at IS NULL ${andHas(targetScope, 'labels')}`
      return row && fromRow(row)
    },

    async findAny(name: string): Promise<StoredTarget | undefined> {
      const row = await db.target.findUnique({ where: { name, ...own } })
      return row ? fromRow(row) : undefined
    },

    async findByNames(names: readonly string[]): Promise<StoredTarget[]> {
      return (await db.target.findMany({ where: { name: { in: [...names] }, ...live } })).map(fromRow)
    },

    /** The live targets of a selection: none, or several, for an external id that no target has, or several have. */
    async select(selection: Selection): Promise<StoredTarget[]> {
      if (!Array.isArray(selection)) return this.findByLabels(selection.labels)
      const { names, externalIds } = splitReferences(selection)
      if (externalIds.length === 0) return this.findByNames(names)
      const where = { OR: [{ name: { in: names } }, { externalId: { in: externalIds } }], ...live }
      return (await db.target.findMany({ where, orderBy: { id: 'asc' } })).map(fromRow)
    },

    /** The retired targets with an external id. */
    async findRetired(externalId: string): Promise<StoredTarget[]> {
      const where = { externalId, retiredAt: { not: null }, ...own }
      return (await db.target.findMany({ where, orderBy: { id: 'asc' } })).map(fromRow)
    },

    async findByIds(ids: readonly number[]): Promise<StoredTarget[]> {
      return (
        await prepared<Row>(
          db,
        )`${selectTarget} WHERE id = ANY(${ids}::int[]) ${andHas(targetScope, 'labels')} ORDER BY id`
      ).map(fromRow)
    },

    async findByLabels(labels: Record<string, string>): Promise<StoredTarget[]> {
      const rows = await prepared<Row>(db)`
        ${selectTarget} WHERE retired_at IS NULL AND ${hasLabels(labels, 'labels')}
          ${andHas(targetScope, 'labels')} ORDER BY id`
      return rows.map(fromRow)
    },

    /** By name. With `since` those that were written at that time or later, retired ones too. */
    async list({ cursor, limit, ...filter }: TargetQuery): Promise<Page<StoredTarget>> {
      const [after = ''] = decodeCursor(cursor, ['']) ?? []
      const rows = await report<Row>(db)`
        ${selectTarget} WHERE ${isWanted(filter)} AND name > ${after} ${andHas(targetScope, 'labels')} ORDER BY name LIMIT ${limit + 1}`
      return cutPage(rows, limit, { keyOf: (row) => [row.name], toItem: fromRow })
    },

    /** How many targets the pages of `list` have. */
    async count(filter: TargetFilter): Promise<number> {
      const rows = await report<{ count: number }>(db)`
        SELECT count(*)::int AS count FROM target WHERE ${isWanted(filter)} ${andHas(targetScope, 'labels')}`
      return rows[0]?.count ?? 0
    },

    /** The labels of live targets by key and value, each with the number of targets that have it. */
    async labels({ key, cursor, limit }: LabelQuery): Promise<Page<LabelCount>> {
      const [afterKey, afterValue] = decodeCursor(cursor, ['', '']) ?? ['', '']
      const rows = await report<LabelCount>(db)`
        SELECT l.key, l.value, count(*)::int AS targets FROM target CROSS JOIN LATERAL jsonb_each_text(labels) l
        WHERE retired_at IS NULL AND (l.key, l.value) > (${afterKey}, ${afterValue}) ${andAll([key !== undefined && Prisma.sql`l.key = ${key}`])}
          ${andHas(targetScope, 'labels')}
        GROUP BY 1, 2 ORDER BY 1, 2 LIMIT ${limit + 1}`
      return cutPage(rows, limit, { keyOf: (row) => [row.key, row.value], toItem: (row) => row })
    },

    /** Creates the target, or undefined where a live one has the name. A retired one comes back with its history. */
    async create(input: TargetInput): Promise<StoredTarget | undefined> {
      checkLabels(input)
      const known = await db.target.findUnique({ where: { name: input.name } })
      if (known && !isIn(targetScope, known.labels as Record<string, string>)) throw outsideOf(targetScope, input.name)
      if (known) return known.retiredAt ? this.replace(known.id, input, known.version) : undefined
      const [made] = await db.target.createManyAndReturn({ data: toRow(input), skipDuplicates: true })
      return made && fromRow(made)
    },

    /** Writes all fields of the target, if `version` is still the current one; undefined where it is not. */
    async replace(id: number, input: TargetInput, version?: number): Promise<StoredTarget | undefined> {
      checkLabels(input)
      const data = { ...toRow(input), updatedAt: await timeOfChange(db), retiredAt: null, version: { increment: 1 } }
      const where = { id, ...own, ...(version === undefined ? {} : { version }) }
      const rows = await db.target.updateManyAndReturn({ where, data })
      return rows[0] && fromRow(rows[0])
    },

    /** Retires the target and ends its open spans: from now on it is out of every scope. */
    async retire(id: number): Promise<void> {
      await transact(db, async (tx) => {
        // As a recording does, so that one follows the other: what it opens is seen here, or it sees the target retired.
        await tx.$executeRaw`SELECT FROM series WHERE target_id = ${id} ORDER BY target_id, id FOR NO KEY UPDATE`
        await tx.$executeRaw`
          WITH retired AS (
            UPDATE target SET retired_at = now(), version = version + 1 WHERE id = ${id} ${andHas(targetScope, 'labels')} RETURNING id
          ) UPDATE span SET to_at = greatest(now(), from_at), changed_at = clock_timestamp() WHERE target_id IN (SELECT id FROM retired) AND to_at IS NULL`
      })
    },

    /** Creates or updates many; an omitted field keeps its stored value. Returns the names of those that changed. */
    save: async (inputs: readonly TargetInput[]) =>
      (await saveTargets(db, targetScope, inputs)).map(({ name }) => name),

    /** Saves list by list and yields what changed. Locks the table, so that two imports cannot block each other. */
    async *saveAll(
      lists: AsyncIterable<readonly TargetInput[]>,
      { keepExisting }: { keepExisting: boolean },
    ): AsyncGenerator<Saved[]> {
      await db.$executeRaw`LOCK TABLE target IN SHARE ROW EXCLUSIVE MODE`
      for await (const inputs of lists)
        yield await saveTargets(db, targetScope, keepExisting ? await withoutStored(db, inputs) : inputs)
    },
  }
}

/** A changed target; `created`: a new one. */
interface Saved {
  name: string
  created: boolean
}

/** Live targets, or those that were written since a time. */
const isWanted = ({ labels, q, externalId, since }: TargetFilter): Prisma.Sql => Prisma.sql`
  ${since ? Prisma.sql`changed_at >= ${since}` : Prisma.sql`retired_at IS NULL`} AND ${hasLabels(labels, 'labels')}
  ${andAll([
    q !== undefined && containsText(q, 'target'),
    externalId !== undefined && Prisma.sql`external_id = ${externalId}`,
  ])}`

const selectTarget = Prisma.sql`
  SELECT id, name, ${targetSql.selected}, version, created_at AS "createdAt", updated_at AS "updatedAt", retired_at AS "retiredAt"
  FROM target`

/** The input as columns of Prisma's model. */
const toRow = (input: TargetInput) => {
  const { params, ...fields } = fieldsOf(input)
  return { ...fields, name: input.name, params: params as Prisma.InputJsonObject }
}

/** The inputs whose name no target has. */
async function withoutStored(db: Database, inputs: readonly TargetInput[]): Promise<TargetInput[]> {
  const names = inputs.map(({ name }) => name)
  const rows = await prepared<{ name: string }>(db)`SELECT name FROM target WHERE name = ANY(${names}::text[])`
  const stored = new Set(rows.map(({ name }) => name))
  return inputs.filter(({ name }) => !stored.has(name))
}

async function saveTargets(db: Database, targetScope: TargetScope, inputs: readonly TargetInput[]): Promise<Saved[]> {
  if (isEverything(targetScope)) return writeTargets(db, targetScope, inputs)
  return transact(db, async (tx) => {
    const changed = await writeTargets(tx, targetScope, inputs)
    // A target outside the scope now was not written, or was moved out of it: the error rolls back everything.
    const names = inputs.map(({ name }) => name)
    const saved = await tx.target.findMany({
      where: { name: { in: names }, ...withLabels(targetScope) },
      select: { name: true },
    })
    const own = new Set(saved.map(({ name }) => name))
    const outside = names.find((name) => !own.has(name))
    if (outside !== undefined) throw outsideOf(targetScope, outside)
    return changed
  })
}

/**
 * Not an upsert, which would use up an id for every target that exists. All parts go by name, so that of two who save the same
 * targets one waits for the other and neither blocks for ever. A target that another transaction has just created is `raced`:
 * only a new statement sees it.
 */
async function writeTargets(db: Database, targetScope: TargetScope, inputs: readonly TargetInput[]): Promise<Saved[]> {
  const rows = await prepared<{ name: string; outcome: 'updated' | 'created' | 'raced' }>(db)`
    WITH given AS (
      SELECT g.*, input FROM jsonb_array_elements(${JSON.stringify(inputs)}::jsonb) AS input, jsonb_to_record(input) AS ${targetSql.given}
    ), locked AS (
      SELECT FROM target JOIN given USING (name) ORDER BY name FOR NO KEY UPDATE OF target
    ), updated AS (
      UPDATE target t SET ${targetSql.assignments}, version = t.version + 1, updated_at = now(), retired_at = NULL
      FROM given g WHERE (SELECT count(*) FROM locked) >= 0 AND t.name = g.name ${andHas(targetScope, 't.labels')}
        AND (t.retired_at IS NOT NULL OR ${targetSql.differs})
      RETURNING t.name
    ), missing AS (
      SELECT * FROM given g WHERE NOT EXISTS (SELECT FROM target t WHERE t.name = g.name)
    ), created AS (
      INSERT INTO target (name, ${targetSql.columns}) SELECT g.name, ${targetSql.values} FROM missing g ORDER BY g.name
      ON CONFLICT (name) DO NOTHING RETURNING name
    ) SELECT name, 'updated' AS outcome FROM updated UNION ALL SELECT name, 'created' FROM created
    UNION ALL SELECT name, 'raced' FROM missing WHERE name NOT IN (SELECT name FROM created)`
  const raced = new Set(rows.filter(({ outcome }) => outcome === 'raced').map(({ name }) => name))
  const saved = rows
    .filter(({ name }) => !raced.has(name))
    .map(({ name, outcome }) => ({ name, created: outcome === 'created' }))
  if (raced.size === 0) return saved
  return [
    ...saved,
    ...(await writeTargets(
      db,
      targetScope,
      inputs.filter(({ name }) => raced.has(name)),
    )),
  ]
}

const fromRow = (row: Row): StoredTarget => ({
  id: row.id,
  version: row.version,
  name: row.name,
  ...fieldsOfRow(row),
  createdAt: row.createdAt.toISOString(),
  updatedAt: row.updatedAt.toISOString(),
  retiredAt: row.retiredAt?.toISOString() ?? null,
})
