import { createHash } from 'node:crypto'
import type { ResolvedRule } from '../../domain/policy/policy.ts'
import type { Sealer } from '../../domain/seals.ts'
import type { VantageKind } from '../../domain/vantages/presence.ts'
import { canonicalJson } from '../../encoding/canonical-json.ts'
import type { Database } from '../db/database.ts'
import { prepared } from '../db/statements.ts'
import { absentSince } from '../inventory/vantages.ts'

/** One check of a batch; `rule` is an index into its rules, so that equal rules are stored once. */
export interface BatchCheck {
  targetId: number
  seriesId: number
  rule: number
  host: string
  indirect: boolean
  /** The side of a paired rule: its observation is stored until the end of the audit, instead of a finding. */
  side?: 'one' | 'other'
}

/** A bounded share of an audit's checks for one vantage. */
export interface Batch {
  id: number
  auditId: string
  auditStatus: string
  /** The policy's name, and the audit's trigger. */
  policy: string
  trigger: string
  /** No observation of it can be older. */
  auditStartedAt: Date
  rules: ResolvedRule[]
  checks: BatchCheck[]
  /** Whether this service planned the checks, as their seal proves. */
  isSealed: boolean
}

export type NewBatch = Pick<Batch, 'auditId' | 'rules' | 'checks'> & {
  vantage: string
  vantageId: number
  /** Planned from targets that this service did not seal. */
  isUnproven?: boolean
}

/** A batch as its job in the queue names it, with how many checks it has. */
export interface QueuedBatch {
  auditId: string
  batchId: number
  checks: number
}

/** A batch that is not recorded, and its vantage. */
interface OpenBatch {
  id: number
  vantage: string
  kind: VantageKind
  lastSeenAt: Date | null
}

/** A batch that nothing will take. */
interface UnservedBatch {
  id: number
  auditId: string
  vantage: string
  /** Its vantage was removed; otherwise it is absent. */
  isRemoved: boolean
}

const maxUnserved = 1_000

/** They go through the driver as one text each. */
const batchesPerStatement = 5

interface Row {
  id: number
  auditId: string
  status: string
  policy: string
  trigger: string
  startedAt: Date
  vantageId: number
  checks: Pick<Batch, 'rules' | 'checks'>
  seal: string | null
}

/** The channel of new work for a vantage; the payload is a `batchWaiter` or `traceWaiter`. */
export const batchChannel = 'portwarden_batch'
export const batchWaiter = ({ vantage, large = false }: AwaitedBatch): string => `${large ? 'large' : 'any'}:${vantage}`

/** Any batch of a vantage, or a large one. */
export interface AwaitedBatch {
  vantage: string
  large?: boolean
}

const smallBatch = 25

/** Whether a batch of so many checks is large: small ones are taken many at a time, and before them. */
export const isLarge = (checks: number): boolean => checks > smallBatch

/** Batches until they are recorded; the queue holds their ids. */
export function createBatchStore(db: Database, sealer: Sealer) {
  return {
    /** Returns the new ids; the commit notifies waiting workers. */
    async create(batches: readonly NewBatch[]): Promise<number[]> {
      const ids: number[] = []
      for (let i = 0; i < batches.length; i += batchesPerStatement) {
        const some = batches.slice(i, i + batchesPerStatement)
        const contents = some.map(({ rules, checks }) => JSON.stringify({ rules, checks }))
        const waiters = some.flatMap(({ vantage, checks }) =>
          [{ vantage }, ...(isLarge(checks.length) ? [{ vantage, large: true }] : [])].map(batchWaiter),
        )
        const rows = await prepared<{ id: number }>(db)`
          WITH made AS (
            INSERT INTO batch (audit_id, vantage_id, checks, seal)
            SELECT audit_id, vantage_id, checks, seal FROM unnest(
              ${some.map((one) => one.auditId)}::uuid[], ${some.map((one) => one.vantageId)}::int[],
              ${some.map((one) => (one.isUnproven ? null : sealer.seal('batch', contentOf(one))))}::text[]
            ) WITH ORDINALITY AS g(audit_id, vantage_id, seal, position)
              JOIN jsonb_array_elements(${`[${contents.join(',')}]`}::jsonb) WITH ORDINALITY AS c(checks, position) USING (position)
            ORDER BY position RETURNING id
          ) SELECT id, (
            SELECT count(pg_notify(${batchChannel}, waiter)::text)::int FROM unnest(${[...new Set(waiters)]}::text[]) AS waiter
          ) FROM made ORDER BY id`
        ids.push(...rows.map(({ id }) => id))
      }
      return ids
    },

    /** The batches; undefined for one that is recorded already. */
    async findOpen(ids: readonly number[]): Promise<(Batch | undefined)[]> {
      const rows = await prepared<Row>(db)`
        SELECT b.id, b.audit_id AS "auditId", a.status, p.name AS policy, a.trigger, b.checks,
          coalesce(a.started_at, a.created_at) AS "startedAt", b.vantage_id AS "vantageId", b.seal
        FROM batch b JOIN audit a ON a.id = b.audit_id JOIN policy p ON p.id = a.policy_id
        WHERE b.id = ANY(${ids}::int[]) AND b.done_at IS NULL`
      const open = new Map(rows.map((row) => [row.id, fromRow(sealer, row)]))
      return ids.map((id) => open.get(id))
    },

    /** Marks the unrecorded batches of audits as done, so that no worker runs or records them. */
    async discard(auditIds: readonly string[]): Promise<void> {
      if (auditIds.length === 0) return
      await db.$executeRaw`
        UPDATE batch SET done_at = now(), checks = '[]' WHERE audit_id = ANY(${[...auditIds]}::uuid[]) AND done_at IS NULL`
    },

    /** The name of the vantage that a batch is for, recorded or not; undefined where there is no such batch. */
    async vantageOf(id: number): Promise<string | undefined> {
      const batch = await db.batch.findUnique({ where: { id }, select: { vantage: { select: { name: true } } } })
      return batch?.vantage.name
    },

    /** Batches of removed vantages, and of absent ones that were not seen since their audits began, at least `waitMs` ago. */
    unserved: (waitMs: number) =>
      prepared<UnservedBatch>(db)`
        SELECT b.id, b.audit_id AS "auditId", v.name AS vantage, v.removed_at IS NOT NULL AS "isRemoved"
        FROM audit a JOIN batch b ON b.audit_id = a.id AND b.done_at IS NULL JOIN vantage v ON v.id = b.vantage_id
        WHERE a.finished_at IS NULL AND a.status = 'running' AND (v.removed_at IS NOT NULL
          OR a.started_at <= now() - make_interval(secs => ${waitMs / 1000}::float8)
            AND coalesce(v.last_seen_at, '-infinity') < least(a.started_at, ${absentSince}))
        ORDER BY b.id LIMIT ${maxUnserved}::int`,

    /** The batches that are not recorded, with their vantages. */
    async open(auditId: string): Promise<OpenBatch[]> {
      const where = { auditId, doneAt: null }
      const rows = await db.batch.findMany({ where, select: { id: true, vantage: true }, orderBy: { id: 'asc' } })
      return rows.map(({ id, vantage: { name, kind, lastSeenAt } }) => ({
        id,
        vantage: name,
        kind: kind as VantageKind,
        lastSeenAt,
      }))
    },
  }
}

function fromRow(sealer: Sealer, { status, startedAt, checks, seal, vantageId, ...rest }: Row): Batch {
  const isSealed = sealer.isSealed(seal, 'batch', contentOf({ ...rest, vantageId, ...checks }))
  return { auditStatus: status, auditStartedAt: startedAt, ...rest, ...checks, isSealed }
}

/** What the seal of a batch covers; the many checks are joined, which takes a tenth of their canonical JSON. */
function contentOf({ auditId, vantageId, rules, checks }: Omit<NewBatch, 'vantage'>): string {
  const lines = checks.map((c) => `${c.targetId} ${c.seriesId} ${c.rule} ${c.indirect} ${c.side ?? ''} ${c.host}`)
  const plain = JSON.parse(JSON.stringify(rules)) // as stored: without undefined
  const digest = createHash('sha256')
    .update(`${canonicalJson(plain)}\n${lines.join('\n')}`)
    .digest('hex')
  return `${auditId} ${vantageId} ${digest}`
}
