import { createHash } from 'node:crypto'
import type { Change, LedgerAction, LedgerStateKind } from '../../domain/ledger.ts'
import { auditRecord } from '../audits/audit-record.ts'
import { type Database, Prisma } from '../db/database.ts'
import { reportOnAll } from '../db/statements.ts'

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
  return digestOfArray(Prisma.sql`jsonb_build_array(${Prisma.join(values)})`)
}
const digestOfArray = (array: Prisma.Sql) => Prisma.sql`encode(sha256(convert_to((${array})::text, 'UTF8')), 'hex')`
/** The same with columns that older versions do not know: a row that does not use them has the digest that they compute. */
const digestWith = (columns: readonly (string | Prisma.Sql)[], added: string, isUsed: string) => {
  const values = columns.map((column) => (typeof column === 'string' ? Prisma.raw(column) : column))
  return digestOfArray(
    Prisma.sql`jsonb_build_array(${Prisma.join(values)}) || CASE WHEN ${Prisma.raw(isUsed)} THEN jsonb_build_array(${Prisma.raw(added)}) ELSE '[]' END`,
  )
}
/** Without external ids the digest is that of older versions. No name has an equals sign. */
const selectedTargets = `(o.target_names || (
  SELECT coalesce(array_agg('externalId=' || id ORDER BY position), '{}') FROM unnest(o.target_external_ids) WITH ORDINALITY AS e(id, position)))`
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
  source: select(
    `o.name || '@' || o.version`,
    digestOf('o.source', 'o.author', 'o.note'),
    'FROM policy o WHERE num_nonnulls(o.source, o.author, o.note) > 0',
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
      ...['o.id', 'o.policy', 'o.rules', selectedTargets, 'o.target_labels', 'o.params', 'o.ticket', 'o.reason'],
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
      ...['o.id', 'o.policy', 'o.rules', selectedTargets, 'o.target_labels', 'o.reason', 'o.requested_by'],
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
          ...['o.policy', 'o.rules', selectedTargets, 'o.target_labels', 'o.params', 'o.ticket', 'o.reason'],
          ...['o.requested_by', 'o.target_scope', epoch('o.from_at'), epoch('o.to_at'), epoch('o.created_at')],
        ),
        'FROM access_window o',
      ),
      select(
        'o.id::text',
        digestWith(
          [
            ...['o.policy', 'o.rules', selectedTargets, 'o.target_labels', 'o.reason', 'o.requested_by'],
            ...['o.target_scope', epoch('o.expires_at'), epoch('o.created_at')],
          ],
          'o.ticket',
          'o.ticket IS NOT NULL',
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
  approval: Prisma.join(
    ['access_window', 'waiver'].map((table) =>
      select(
        'o.id::text',
        digestWith(
          ['o.approved_by', epoch('o.approved_at')],
          'o.rejected, o.decision_reason',
          'o.rejected OR o.decision_reason IS NOT NULL',
        ),
        `FROM ${table} o`,
      ),
    ),
    ' UNION ALL ',
  ),
  schedule: select(
    'o.name',
    digestOf(
      ...[
        'o.id',
        'o.cron',
        'o.time_zone',
        'o.audit',
        'o.policy',
        'o.jitter_seconds',
        'o.overlap',
        'o.missed',
        'o.enabled',
      ],
      ...['o.requested_by', 'o.version', 'o.target_scope', epoch('o.created_at'), epoch('o.updated_at')],
    ),
    'FROM schedule o',
  ),
  webhook: select(
    'o.id',
    digestOf(
      ...['o.url', 'o.description', 'o.events', 'o.filter', 'o.format', 'o.enabled', 'o.open_after', 'o.group_by'],
      ...['o.disabled_reason', 'o.requested_by', 'o.version'],
      ...['o.secret', 'o.previous_secret', 'o.authorization'].map((column) => `encode(${column}, 'hex')`),
      ...['o.previous_until', 'o.created_at', 'o.updated_at'].map(epoch),
    ),
    'FROM webhook o',
  ),
  vantage: select(
    'o.name',
    digestOf('o.id', 'o.zones', epoch('o.created_at')),
    `FROM vantage o WHERE o.kind = 'agent' AND o.removed_at IS NULL`,
  ),
}

/** The kinds that a new ledger covers, as its first entry lists them. */
export const coveredKinds = Object.keys(presentStates).sort() as LedgerStateKind[]

/** The condition that the audit `e` has ended, in any way that its row can say so. */
export const hasEnded = Prisma.sql`(e.status NOT IN ('queued', 'running') OR e.finished_at IS NOT NULL OR e.verdict IS NOT NULL)`
export const hasFinishEntry = Prisma.sql`EXISTS (
  SELECT FROM ledger_entry f WHERE f.action = 'audit.finish' AND f.subject = e.id::text)`

const kinds: Partial<Record<LedgerAction, readonly LedgerStateKind[]>> = {
  'policy.put': ['policy', 'source'],
  'target.create': ['target'],
  'target.change': ['target'],
  'target.retire': ['target'],
  'targets.save': ['target'],
  'window.request': ['window', 'request', 'approval'],
  'window.approve': ['window', 'approval'],
  'window.reject': ['window', 'approval'],
  'window.cancel': ['window'],
  'window.reprobe': ['proof'],
  'window.prove': ['proof'],
  'waiver.request': ['waiver', 'request', 'approval'],
  'waiver.approve': ['waiver', 'approval'],
  'waiver.reject': ['waiver', 'approval'],
  'waiver.revoke': ['waiver'],
  'baseline.create': ['baseline'],
  'baseline.approve': ['baseline'],
  'baseline.delete': ['baseline'],
  'key.create': ['key', 'request'],
  'key.revoke': ['key'],
  'schedule.create': ['schedule'],
  'schedule.change': ['schedule'],
  'schedule.delete': ['schedule'],
  'webhook.create': ['webhook'],
  'webhook.change': ['webhook'],
  'webhook.disable': ['webhook'],
  'webhook.rotate': ['webhook'],
  'webhook.reseal': ['webhook'],
  'webhook.delete': ['webhook'],
  'vantage.put': ['vantage'],
  'vantage.remove': ['vantage'],
}

export const actionsOf = (kind: LedgerStateKind): string[] =>
  Object.entries(kinds).flatMap(([action, of]) => (of.includes(kind) ? [action] : []))

/**
 * Writes what a change leaves of its objects, and returns the digest over it; undefined where it has none. Runs under the lock
 * of the ledger, so in its order, and holds one list at a time: an import may change hundreds of thousands of targets.
 */
export async function recordStates(tx: Database, change: Change, seq: number): Promise<StatesDigest | undefined> {
  const changed = kinds[change.action]
  const begins = change.action === 'ledger.begin' || change.action === 'ledger.adopt'
  if (!begins && !changed) return undefined
  const lists = begins ? everyState(tx) : statesOf(tx, changed ?? [], change.objects ?? [change.subject])
  const digest = createStatesDigest()
  for await (const states of lists) {
    digest.add(states)
    await insertStates(tx, seq, states)
  }
  return digest.end()
}

async function* statesOf(tx: Database, changed: readonly LedgerStateKind[], subjects: readonly string[]) {
  const quoted = subjects.map((subject) => JSON.stringify(subject)).sort()
  for (const kind of changed.toSorted()) {
    for (let from = 0; from < quoted.length; from += objectsPerStatement) {
      const some = quoted.slice(from, from + objectsPerStatement).map((text) => JSON.parse(text) as string)
      const rows = await reportOnAll<{ subject: string; digest: string }>(tx)`
        SELECT g.subject, coalesce(o.digest, 'gone') AS digest FROM unnest(${some}::text[]) WITH ORDINALITY AS g(subject, position)
          LEFT JOIN (${presentStates[kind]}) o ON o.subject = g.subject AND o.subject = ANY(${some}::text[])
        ORDER BY g.position`
      yield rows.map((row): ObjectState => ({ kind, ...row }))
    }
  }
}

/** Objects of one statement: those of a large import would block the process while their rows are read. */
const objectsPerStatement = 5_000

/** All that is there when the ledger begins to cover it. */
async function* everyState(tx: Database) {
  for (const kind of coveredKinds) {
    const adopted = kind === 'audit' ? Prisma.sql`WHERE ${hasEnded} AND NOT ${hasFinishEntry}` : Prisma.empty
    const rows = await reportOnAll<{ subject: string; digest: string }>(tx)`${presentStates[kind]} ${adopted}`
    const states = inOrder(rows.map((row): ObjectState => ({ kind, ...row })))
    for (let from = 0; from < states.length; from += objectsPerStatement)
      yield states.slice(from, from + objectsPerStatement)
  }
}

const lineOf = ({ kind, subject, digest }: ObjectState) => JSON.stringify([kind, subject, digest])
const inOrder = (states: readonly ObjectState[]) => {
  const lines = states.map((state) => ({ line: lineOf(state), state }))
  return lines.sort((a, b) => (a.line < b.line ? -1 : 1)).map(({ state }) => state)
}

/** The digest over states that are added in the order of their lines. */
function createStatesDigest() {
  const hash = createHash('sha256')
  let count = 0
  return {
    add(states: readonly ObjectState[]): void {
      for (const state of states) hash.update(count++ === 0 ? lineOf(state) : `\n${lineOf(state)}`)
    },
    end: (): StatesDigest => ({ count, digest: hash.digest('hex') }),
  }
}

/** The digest that an entry holds over its states. */
export function digestStates(states: readonly ObjectState[]): StatesDigest {
  const digest = createStatesDigest()
  digest.add(inOrder(states))
  return digest.end()
}

async function insertStates(tx: Database, seq: number, states: readonly ObjectState[]): Promise<void> {
  if (states.length === 0) return
  await tx.$executeRaw`
    INSERT INTO ledger_state (kind, subject, seq, digest) SELECT kind, subject, ${seq}, digest FROM unnest(
      ${states.map(({ kind }) => kind)}::text[], ${states.map(({ subject }) => subject)}::text[],
      ${states.map(({ digest }) => digest)}::text[]) AS g(kind, subject, digest)`
}
