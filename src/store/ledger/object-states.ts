import { createHash } from 'node:crypto'
import type { Change, LedgerAction, LedgerStateKind } from '../../domain/ledger.ts'
import { auditRecord } from '../audits/audit-record.ts'
import { type Database, Prisma } from '../db/database.ts'
import { report } from '../db/statements.ts'

/** What an entry leaves of an object; `gone` where it was deleted. */
export interface ObjectState {
  kind: LedgerStateKind
  subject: string
  digest: string
}

/** What an entry holds of its states. */
export interface StatesDigest {
  count: number
  digest: string
}

const epoch = (column: string) => Prisma.raw(`extract(epoch FROM ${column})`)
const digestOf = (...columns: (string | Prisma.Sql)[]) => {
  const values = columns.map((column) => (typeof column === 'string' ? Prisma.raw(column) : column))
  return Prisma.sql`encode(sha256(convert_to(jsonb_build_array(${Prisma.join(values)})::text, 'UTF8')), 'hex')`
}
const select = (subject: string, digest: Prisma.Sql, rest: string) =>
  Prisma.sql`SELECT ${Prisma.raw(subject)} AS subject, ${digest} AS digest ${Prisma.raw(rest)}`
const allOf = (columns: string, table: string, order: string) =>
  Prisma.raw(`(SELECT encode(sha256(convert_to(coalesce(string_agg(jsonb_build_array(${columns})::text, ',' ORDER BY ${order}), ''), 'UTF8')), 'hex')
    FROM ${table} WHERE baseline = o.name)`)

/** The digests of the present rows, by kind. SECURITY.md lists the columns that they leave out. */
export const presentStates: Record<LedgerStateKind, Prisma.Sql> = {
  policy: select(
    `o.name || '@' || o.version`,
    digestOf('o.id', 'o.name', 'o.version', 'o.digest', 'o.document', epoch('o.created_at')),
    'FROM policy o',
  ),
  target: select(
    'o.name',
    digestOf(
      ...['o.id', 'o.name', 'o.address', 'o.roles', 'o.labels', 'o.params', 'o.external_id', 'o.version'],
      ...['o.created_at', 'o.updated_at', 'o.retired_at', 'o.changed_at'].map(epoch),
    ),
    'FROM target o',
  ),
  window: select(
    'o.id::text',
    digestOf(
      ...['o.id', 'o.policy', 'o.rules', 'o.target_names', 'o.target_labels', 'o.params', 'o.ticket', 'o.reason'],
      ...['o.requested_by', 'o.approved_by', 'o.canceled_by', 'o.target_scope'],
      ...['o.from_at', 'o.to_at', 'o.approved_at', 'o.canceled_at', 'o.created_at'].map(epoch),
    ),
    'FROM access_window o',
  ),
  proof: select(
    'o.id::text',
    digestOf('o.reprobes', 'o.reprobe_audit_id', 'o.proof', epoch('o.proven_at')),
    `FROM access_window o WHERE (o.reprobes, o.reprobe_audit_id, o.proof, o.proven_at) IS DISTINCT FROM (0, NULL, NULL, NULL)`,
  ),
  waiver: select(
    'o.id::text',
    digestOf(
      ...['o.id', 'o.policy', 'o.rules', 'o.target_names', 'o.target_labels', 'o.reason', 'o.requested_by'],
      ...['o.approved_by', 'o.revoked_by', 'o.target_scope'],
      ...['o.expires_at', 'o.approved_at', 'o.revoked_at', 'o.created_at'].map(epoch),
    ),
    'FROM waiver o',
  ),
  baseline: select(
    'o.name',
    digestOf(
      ...['o.name', 'o.audit_id', epoch('o.created_at'), 'o.target_scope'],
      allOf(
        'target_id, series_id, extract(epoch FROM at), evidence_id, result, state, reason_id, audit_id',
        'baseline_state',
        'target_id, series_id',
      ),
      allOf('id, approved_by, reason, items, extract(epoch FROM created_at)', 'baseline_approval', 'id'),
    ),
    'FROM baseline o',
  ),
  key: select(
    'o.id',
    digestOf(
      ...['o.id', 'o.name', `encode(o.secret_sha256, 'hex')`, 'o.scopes', 'o.target_scope'],
      ...['o.created_at', 'o.revoked_at', 'o.expires_at'].map(epoch),
    ),
    'FROM api_key o',
  ),
  audit: Prisma.sql`SELECT e.id::text AS subject, ${auditRecord} AS digest FROM audit e`,
  request: Prisma.join(
    [
      select(
        'o.id::text',
        digestOf(
          ...['o.policy', 'o.rules', 'o.target_names', 'o.target_labels', 'o.params', 'o.ticket', 'o.reason'],
          ...['o.requested_by', 'o.target_scope', epoch('o.from_at'), epoch('o.to_at'), epoch('o.created_at')],
        ),
        'FROM access_window o',
      ),
      select(
        'o.id::text',
        digestOf(
          ...['o.policy', 'o.rules', 'o.target_names', 'o.target_labels', 'o.reason', 'o.requested_by'],
          ...['o.target_scope', epoch('o.expires_at'), epoch('o.created_at')],
        ),
        'FROM waiver o',
      ),
      select(
        'o.id',
        digestOf(
          ...['o.name', `encode(o.secret_sha256, 'hex')`, 'o.scopes', 'o.target_scope'],
          ...['o.created_at', 'o.expires_at'].map(epoch),
        ),
        'FROM api_key o',
      ),
    ],
    ' UNION ALL ',
  ),
}

/** The condition that the audit `e` has ended, in any way that its row can say so. */
export const hasEnded = Prisma.sql`(e.status NOT IN ('queued', 'running') OR e.finished_at IS NOT NULL OR e.verdict IS NOT NULL)`
export const hasFinishEntry = Prisma.sql`EXISTS (
  SELECT FROM ledger_entry f WHERE f.action = 'audit.finish' AND f.subject = e.id::text)`

const kinds: Partial<Record<LedgerAction, readonly LedgerStateKind[]>> = {
  'policy.put': ['policy'],
  'target.create': ['target'],
  'target.change': ['target'],
  'target.retire': ['target'],
  'targets.save': ['target'],
  'window.request': ['window', 'request'],
  'window.approve': ['window'],
  'window.cancel': ['window'],
  'window.reprobe': ['proof'],
  'window.prove': ['proof'],
  'waiver.request': ['waiver', 'request'],
  'waiver.approve': ['waiver'],
  'waiver.revoke': ['waiver'],
  'baseline.create': ['baseline'],
  'baseline.approve': ['baseline'],
  'baseline.delete': ['baseline'],
  'key.create': ['key', 'request'],
  'key.revoke': ['key'],
}

export const actionsOf = (kind: LedgerStateKind): string[] =>
  Object.entries(kinds).flatMap(([action, of]) => (of.includes(kind) ? [action] : []))

/** What a change leaves of its objects; undefined where it has none. Runs under the lock of the ledger, so in its order. */
export async function statesAfter(tx: Database, change: Change): Promise<ObjectState[] | undefined> {
  if (change.action === 'ledger.begin' || change.action === 'ledger.adopt') return everyState(tx)
  const changed = kinds[change.action]
  if (!changed) return undefined
  const states: ObjectState[] = []
  for (const kind of changed) states.push(...(await statesOf(tx, kind, change.objects ?? [change.subject])))
  return states
}

async function statesOf(tx: Database, kind: LedgerStateKind, subjects: readonly string[]): Promise<ObjectState[]> {
  const states: ObjectState[] = []
  for (const some of inLists(subjects)) {
    const rows = await report<{ subject: string; digest: string }>(tx)`
      SELECT g.subject, coalesce(o.digest, 'gone') AS digest FROM unnest(${some}::text[]) AS g(subject)
        LEFT JOIN (${presentStates[kind]}) o ON o.subject = g.subject AND o.subject = ANY(${some}::text[])
      ORDER BY g.subject`
    for (const row of rows) states.push({ kind, ...row })
  }
  return states
}

/** Objects of one statement: those of a large import would block the process while their rows are read. */
const objectsPerStatement = 5_000

function* inLists<T>(items: readonly T[]): Generator<T[]> {
  for (let from = 0; from < items.length; from += objectsPerStatement)
    yield items.slice(from, from + objectsPerStatement)
}

/** All that is there when the ledger begins to cover it. */
async function everyState(tx: Database): Promise<ObjectState[]> {
  const states: ObjectState[] = []
  for (const [kind, present] of Object.entries(presentStates) as [LedgerStateKind, Prisma.Sql][]) {
    const adopted = kind === 'audit' ? Prisma.sql`WHERE ${hasEnded} AND NOT ${hasFinishEntry}` : Prisma.empty
    const rows = await report<{ subject: string; digest: string }>(tx)`${present} ${adopted} ORDER BY 1`
    states.push(...rows.map((row) => ({ kind, ...row })))
  }
  return states
}

/** The digest that an entry holds over its states. */
export function digestStates(states: readonly ObjectState[]): StatesDigest {
  const lines = states.map(({ kind, subject, digest }) => JSON.stringify([kind, subject, digest])).toSorted()
  return { count: states.length, digest: createHash('sha256').update(lines.join('\n')).digest('hex') }
}

export async function insertStates(tx: Database, states: readonly (ObjectState & { seq: number })[]): Promise<void> {
  for (const some of inLists(states))
    await tx.$executeRaw`
      INSERT INTO ledger_state (kind, subject, seq, digest) SELECT * FROM unnest(
        ${some.map(({ kind }) => kind)}::text[], ${some.map(({ subject }) => subject)}::text[],
        ${some.map(({ seq }) => seq)}::bigint[], ${some.map(({ digest }) => digest)}::text[])`
}
