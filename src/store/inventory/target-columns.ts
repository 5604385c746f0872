import { Prisma } from '../db/database.ts'
import type { Target as Row } from '../generated/client.ts'

interface Column<V> {
  /** The name in SQL. */
  sql: string
  type: 'text' | 'text[]' | 'jsonb'
  /** The value of a new target whose request leaves the field out; undefined where no request may. */
  empty: V | undefined
}

const required = <V>(sql: string, type: Column<V>['type']): Column<V> => ({ sql, type, empty: undefined })
const optional = <V>(sql: string, type: Column<V>['type'], empty: V) => ({ sql, type, empty })

/** The fields that callers set, besides the name. The types, the reads and the writes of targets are built from this table. */
const columns = {
  address: required<string>('address', 'text'),
  roles: optional<string[]>('roles', 'text[]', []),
  labels: optional<Record<string, string>>('labels', 'jsonb', {}),
  params: optional<Record<string, unknown>>('params', 'jsonb', {}),
  externalId: optional<string | null>('external_id', 'text', null),
}

type Columns = typeof columns
type OptionalField = { [F in keyof Columns]: undefined extends Columns[F]['empty'] ? never : F }[keyof Columns]

/** The value of every field that callers set. */
export type TargetFields = { [F in keyof Columns]: Columns[F] extends Column<infer V> ? V : never }

/** A target as a caller gives it. */
export type TargetInput = { name: string } & Omit<TargetFields, OptionalField> &
  Partial<Pick<TargetFields, OptionalField>>

// A column of schema.prisma that is missing above does not compile.
type ServiceField = 'id' | 'name' | 'version' | 'createdAt' | 'updatedAt' | 'retiredAt' | 'changedAt'
type Missing = Exclude<keyof Row, keyof Columns | ServiceField>
const complete: Missing extends never ? Columns : Missing = columns

const entries = Object.entries(complete as Record<string, Column<unknown>>)

/** The fields of a new target. */
export const fieldsOf = (input: TargetInput): TargetFields => pick((field, { empty }) => valueIn(input, field) ?? empty)

/** The fields of a stored row. */
export const fieldsOfRow = (row: Row): TargetFields => pick((field) => valueIn(row, field))

const valueIn = (object: object, field: string): unknown => (object as Record<string, unknown>)[field]
const pick = (read: (field: string, column: Column<unknown>) => unknown) =>
  Object.fromEntries(entries.map(([field, column]) => [field, read(field, column)])) as TargetFields

type Part = Column<unknown> & { field: string; given: string }
const list = (part: (column: Part) => string, separator = ', ') =>
  Prisma.raw(entries.map(([field, column]) => part({ ...column, field, given: `g."${field}"` })).join(separator))

const emptyOf = ({ type, empty }: Column<unknown>) =>
  type === 'jsonb' ? `'${JSON.stringify(empty)}'::jsonb` : type === 'text[]' ? `'{}'::text[]` : 'NULL'

/** The value after a write: that of a given field, else the one before. Null is a value of its own where a field may be empty. */
const written = ({ field, sql, given, empty }: Part) =>
  empty === null ? `CASE WHEN g.input ? '${field}' THEN ${given} ELSE t.${sql} END` : `coalesce(${given}, t.${sql})`

/** The parts of statements on the table `target t`; `g` holds given rows and the JSON `input` of each; omitted fields are NULL. */
export const targetSql = {
  /** What a read selects, named as the fields. */
  selected: Prisma.raw(entries.map(([field, { sql }]) => `${sql} AS "${field}"`).join(', ')),
  /** The definition of `g`, over a JSON array of inputs. */
  given: Prisma.raw(`g(name text, ${entries.map(([field, { type }]) => `"${field}" ${type}`).join(', ')})`),
  columns: list(({ sql }) => sql),
  /** Writes the given fields, keeps the others. */
  assignments: list((column) => `${column.sql} = ${written(column)}`),
  /** Whether a given field differs. */
  differs: Prisma.sql`(${list(({ sql }) => `t.${sql}`)}) IS DISTINCT FROM (${list(written)})`,
  /** The values of a new row. */
  values: list((column) => `coalesce(${column.given}, ${emptyOf(column)})`),
}
