import type { Audit, AuditStatus, TriggerKind } from '../../domain/audits.ts'
import { type AuditCounts, noCounts, type Verdict } from '../../domain/findings/verdict.ts'
import type { Sealer } from '../../domain/seals.ts'
import { required } from '../../runtime/required.ts'
import { nameOfActor } from '../access/actors.ts'
import { timeOfChange } from '../db/clock.ts'
import type { Codes } from '../db/codes.ts'
import { type Database, Prisma } from '../db/database.ts'
import { prepared, report } from '../db/statements.ts'
import type { Audit as Row } from '../generated/client.ts'
import type { KnownVantage } from '../inventory/vantages.ts'
import { andAll } from '../query/conditions.ts'
import { aUuid, cutPage, decodeCursor, type Page } from '../query/cursor-page.ts'
import type { Period } from '../query/period.ts'
import { andHas, hasLabels, isEverything, madeIn, type TargetScope } from '../query/target-scope.ts'
import { newAuditIds } from './audit-ids.ts'
import { sealPlan, sealRequest } from './audit-record.ts'
import { type AuditEnd, endAudits, lockOpenAudits, summarizeFindings } from './finish-audits.ts'

export interface NewAudit {
  id: string
  policyId: number
  targetIds: number[]
  vantages: string[]
  /** Ids of the rules to check; none: all. */
  rules?: string[]
  params: Record<string, unknown>
  trigger: string
  requestedBy: string
  correlationId?: string
  reason?: string
  callbackUrl?: string
  /** When it ends at the latest. */
  deadlineAt?: Date
}

/**
 * What its plan says of an audit: how many findings it will have, and which vantages there are now. Its `batches` include the
 * slices that are not planned yet, so that the last batch does not end the audit before them.
 */
export interface Started {
  total: number
  batches: number
  vantages?: readonly KnownVantage[] | undefined
}

/** An audit as its planning needs it. */
export interface AuditOrder extends Pick<Row, 'id' | 'policyId' | 'targetIds' | 'vantages' | 'rules'> {
  params: Record<string, unknown>
}

/** A running audit of which a part is not planned yet. */
export interface StartedAudit extends Omit<AuditOrder, 'targetIds'> {
  plannedVantages: KnownVantage[]
  isCanceled: boolean
}

/** Whom an audit is about and for. */
interface AuditScope {
  callbackUrl: string | null
  requestedBy: string
  labels: Record<string, string>[]
  targets: number
}

interface AuditFilter {
  correlationId?: string
  /** Of one of its targets. */
  externalId?: string
  /** Name of one of its targets. */
  target?: string
  /** Labels that one of its targets has, all of them. */
  labels?: Record<string, string>
  policy?: string
  status?: AuditStatus
  trigger?: TriggerKind
  verdict?: Verdict
  /** When they were accepted. */
  period?: Period
  /** Those whose status was written at that time or later. */
  since?: Date
  cursor?: string
  limit: number
}

/** Audits. Every change of status happens once. */
export function createAuditStore(
  db: Database,
  { codes, targetScope, sealer }: { codes: Codes; targetScope: TargetScope; sealer: Sealer },
) {
  return {
    /** Ids of new audits, by the clock of the database; their findings can be stored. */
    newIds: (count: number) => newAuditIds(db, count),

    /** Stores queued audits, or planned and started ones. */
    async create(...audits: readonly (NewAudit & { started?: Started | undefined })[]): Promise<void> {
      const rows = audits.map(({ started, ...audit }) => ({
        ...audit,
        rules: audit.rules ?? [],
        targetScope,
        status: started ? 'running' : 'queued',
        total: started?.total ?? 0,
        batches: started?.batches ?? 0,
        plannedVantages: started?.vantages,
        seal: sealsOf(sealer, { ...audit, targetScope }, started),
      }))
      await db.$executeRaw`
        INSERT INTO audit (id, status, started_at, total, batches_left, planned_vantages, trigger, policy_id, target_ids, vantages,
          rules, params, correlation_id, reason, callback_url, requested_by, deadline_at, target_scope, seal)
        SELECT id, status, CASE status WHEN 'running' THEN now() END, total, batches, "plannedVantages", trigger, "policyId", "targetIds",
          vantages, rules, params, "correlationId", reason, "callbackUrl", "requestedBy", "deadlineAt", "targetScope", seal
        FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS g(id uuid, status text, total int, batches int, "plannedVantages" jsonb,
          trigger text, "policyId" int, "targetIds" int[], vantages text[], rules text[], params jsonb, "correlationId" text, reason text,
          "callbackUrl" text, "requestedBy" text, "deadlineAt" timestamptz, "targetScope" jsonb, seal text)`
    },

    async find(ids: readonly string[]): Promise<(Audit | undefined)[]> {
      const wanted = Prisma.sql`a.id = ANY(${[...new Set(ids)]}::uuid[]) ${andHas(targetScope, 'a.target_scope')}`
      const rows = await prepared<JoinedRow>(db)`${selectAudit} WHERE ${wanted}`
      const found = new Map(rows.map((row) => [row.id, fromRow(row)]))
      return ids.map((id) => found.get(id.toLowerCase()))
    },

    /** Newest first. */
    async list({
      correlationId,
      externalId,
      target,
      labels = {},
      policy,
      status,
      trigger,
      verdict,
      period = {},
      since,
      cursor,
      limit,
    }: AuditFilter): Promise<Page<Audit>> {
      const [before] = decodeCursor(cursor, [aUuid]) ?? []
      // A changed target can move its audits into the result.
      const joined =
        externalId !== undefined || target !== undefined || !isEverything(labels)
          ? Prisma.sql`OR ${includesTarget(Prisma.sql`t.changed_at >= ${since}`)}`
          : Prisma.empty
      const wanted = andAll([
        before && Prisma.sql`a.id < ${before}::uuid`,
        correlationId && Prisma.sql`a.correlation_id = ${correlationId}`,
        externalId !== undefined &&
          includesTarget(Prisma.sql`t.external_id = ${externalId} ${andHas(targetScope, 't.labels')}`),
        target !== undefined && includesTarget(Prisma.sql`t.name = ${target} ${andHas(targetScope, 't.labels')}`),
        !isEverything(labels) &&
          includesTarget(Prisma.sql`${hasLabels(labels, 't.labels')} ${andHas(targetScope, 't.labels')}`),
        policy && Prisma.sql`p.name = ${policy}`,
        status && Prisma.sql`a.status = ${status}`,
        trigger && Prisma.sql`split_part(a.trigger, ':', 1) = ${trigger}`,
        verdict && Prisma.sql`a.verdict = ${verdict}`,
        period.from && Prisma.sql`a.created_at >= ${period.from}`,
        period.to && Prisma.sql`a.created_at < ${period.to}`,
        since && Prisma.sql`(a.changed_at >= ${since} ${joined})`,
      ])
      const rows = await report<JoinedRow>(db)`
        ${selectAudit} WHERE true ${wanted} ${andHas(targetScope, 'a.target_scope')} ORDER BY a.id DESC LIMIT ${limit + 1}`
      return cutPage(rows, limit, { keyOf: (row) => [row.id], toItem: fromRow })
    },

    /** Callback, requester, and distinct label sets of the targets. */
    async scope(id: string): Promise<AuditScope | undefined> {
      const rows = await prepared<AuditScope>(db)`
        SELECT callback_url AS "callbackUrl", requested_by AS "requestedBy", cardinality(target_ids) AS targets, coalesce((
          SELECT jsonb_agg(DISTINCT t.labels) FROM target t WHERE t.id = ANY(a.target_ids)
        ), '[]') AS labels FROM audit a WHERE id = ${id}::uuid`
      return rows[0]
    },

    /** The newest finished audit of a policy before this one that includes any of its targets. */
    async findPrevious(id: string): Promise<string | undefined> {
      const rows = await prepared<{ id: string }>(db)`
        SELECT b.id FROM audit a JOIN audit b ON b.id < a.id AND b.status = 'completed' AND b.target_ids && a.target_ids
            AND coalesce(b.rules, '{}') = '{}'
          JOIN policy pa ON pa.id = a.policy_id JOIN policy pb ON pb.id = b.policy_id AND pb.name = pa.name
        WHERE a.id = ${id}::uuid ${andHas(targetScope, 'a.target_scope')} ${andHas(targetScope, 'b.target_scope')} ORDER BY b.id DESC LIMIT 1`
      return rows[0]?.id
    },

    /** Locks a queued audit for planning until the transaction ends; undefined where it is not to be planned any more. */
    async lockQueued(id: string): Promise<AuditOrder | undefined> {
      const rows = await prepared<AuditOrder>(db)`
        SELECT id, policy_id AS "policyId", target_ids AS "targetIds", vantages, coalesce(rules, '{}') AS rules, params
        FROM audit WHERE id = ${id}::uuid AND status = 'queued' AND cancel_requested_at IS NULL FOR UPDATE`
      return rows[0]
    },

    /** Starts an audit that is planned now. */
    async start(id: string, { total, batches, vantages }: Started): Promise<void> {
      await db.$executeRaw`
        UPDATE audit SET status = 'running', started_at = now(), total = ${total}::int, batches_left = ${batches}::int,
          planned_vantages = ${jsonOrNull(vantages)}::jsonb,
          seal = seal || ${` ${sealPlan(sealer, { id, total, plannedVantages: plainOf(vantages) })}`} WHERE id = ${id}::uuid`
    },

    /** A running audit as its next slice needs it; undefined after its end. */
    async findStarted(id: string): Promise<StartedAudit | undefined> {
      const rows = await prepared<StartedAudit>(db)`
        SELECT id, policy_id AS "policyId", vantages, coalesce(rules, '{}') AS rules, params, planned_vantages AS "plannedVantages",
          cancel_requested_at IS NOT NULL AS "isCanceled" FROM audit WHERE id = ${id}::uuid AND status = 'running'`
      return rows[0]
    },

    /** Replaces a slice that is planned now by its batches; false if the audit has ended. */
    async addBatches(id: string, batches: number): Promise<boolean> {
      const data = { batchesLeft: { increment: batches - 1 } }
      return (await db.audit.updateMany({ where: { id, status: 'running' }, data })).count > 0
    },

    /** The vantages as they were when the audit was planned; null where that was not kept. */
    async plannedVantages(id: string): Promise<KnownVantage[] | null> {
      const row = await db.audit.findUnique({
        where: { id, ...madeIn(targetScope) },
        select: { plannedVantages: true },
      })
      return (row?.plannedVantages ?? null) as KnownVantage[] | null
    },

    /** The parameters of an audit, and when one of its targets changed last. */
    async paramsAndTargets(id: string): Promise<{ params: Record<string, unknown>; targetsChangedAt: Date | null }> {
      const [row] = await prepared<{ params: Record<string, unknown>; targetsChangedAt: Date | null }>(db)`
        SELECT params, (SELECT max(changed_at) FROM target WHERE id = ANY(a.target_ids)) AS "targetsChangedAt"
        FROM audit a WHERE id = ${id}::uuid`
      return required(row, `audit ${id}`)
    },

    /** The audits that have not ended: how many, since when the oldest, and how many past their deadline. */
    async open(): Promise<{ count: number; oldestAt: Date | null; overdue: number }> {
      const [row] = await prepared<{ count: number; oldestAt: Date | null; overdue: number }>(db)`
        SELECT count(*)::int AS count, min(created_at) AS "oldestAt", (count(*) FILTER (WHERE deadline_at < now()))::int AS overdue
        FROM audit WHERE status IN ('queued', 'running')`
      return required(row, 'a count')
    },

    /** True when every batch of a running audit is planned and recorded, so that only its end is missing. */
    async isRecorded(id: string): Promise<boolean> {
      return (await db.audit.count({ where: { id, status: 'running', batchesLeft: 0 } })) > 0
    },

    /** Unfinished audits past their deadline, oldest deadline first. */
    async overdue(): Promise<string[]> {
      const rows = await prepared<{ id: string }>(db)`
        SELECT id FROM audit WHERE finished_at IS NULL AND deadline_at <= now() ORDER BY deadline_at LIMIT ${maxOverdue}::int`
      return rows.map(({ id }) => id)
    },

    /** False if the audit has ended already. */
    async requestCancel(id: string): Promise<boolean> {
      const where = { id, status: { in: ['queued', 'running'] }, ...madeIn(targetScope) }
      return (await db.audit.updateMany({ where, data: { cancelRequestedAt: await timeOfChange(db) } })).count > 0
    },

    /** Locks the unfinished ones until the transaction ends. */
    lockOpen: (ids: readonly string[]) => lockOpenAudits(db, ids),

    /** Counts and digests findings, in the order of `ids`. */
    summarize: (ids: readonly string[]) => summarizeFindings(db, { codes, sealer }, ids),

    /** Ends audits that are locked. */
    end: (ends: readonly AuditEnd[]) => endAudits(db, sealer, ends),
  }
}

function sealsOf(sealer: Sealer, audit: NewAudit & { targetScope: TargetScope }, started: Started | undefined): string {
  const { rules = [], correlationId = null, reason = null, callbackUrl = null, deadlineAt = null } = audit
  const params = plainOf(audit.params)
  const request = sealRequest(sealer, { ...audit, params, rules, correlationId, reason, callbackUrl, deadlineAt })
  if (!started) return request
  const plan = { id: audit.id, total: started.total, plannedVantages: plainOf(started.vantages) }
  return `${request} ${sealPlan(sealer, plan)}`
}

/** As the database returns it. */
const plainOf = (value: unknown) => (value === undefined ? null : JSON.parse(JSON.stringify(value)))
const jsonOrNull = (value: unknown) => (value === undefined ? null : JSON.stringify(value))
const maxOverdue = 1_000

/** The condition that an audit includes any of these targets. */
const includesTarget = (targets: Prisma.Sql) =>
  Prisma.sql`a.target_ids && (SELECT coalesce(array_agg(t.id), '{}') FROM target t WHERE ${targets})`

type JoinedRow = Row & {
  requestedByName: string | null
  targets: number
  policyName: string
  policyVersion: number
  policyDigest: string
}

const selectAudit = Prisma.sql`
  SELECT a.id, a.status, a.verdict, a.counts, a.done, a.total, a.trigger, a.requested_by AS "requestedBy",
    ${nameOfActor('a.requested_by')} AS "requestedByName", cardinality(a.target_ids) AS targets, a.vantages,
    coalesce(a.rules, '{}') AS rules, a.correlation_id AS "correlationId", a.reason, a.error,
    a.created_at AS "createdAt", a.deadline_at AS "deadlineAt", a.started_at AS "startedAt", a.finished_at AS "finishedAt",
    p.name AS "policyName", p.version AS "policyVersion", p.digest AS "policyDigest"
  FROM audit a JOIN policy p ON p.id = a.policy_id`

const fromRow = (row: JoinedRow): Audit => ({
  id: row.id,
  status: row.status as AuditStatus,
  verdict: row.verdict as Verdict | null,
  counts: { ...noCounts, waived: 0, ...(row.counts as AuditCounts | null) },
  progress: { done: row.done, total: row.total },
  policy: { name: row.policyName, version: row.policyVersion, digest: row.policyDigest },
  trigger: row.trigger,
  correlationId: row.correlationId,
  reason: row.reason,
  error: row.error,
  createdAt: row.createdAt.toISOString(),
  deadlineAt: row.deadlineAt?.toISOString() ?? null,
  startedAt: row.startedAt?.toISOString() ?? null,
  finishedAt: row.finishedAt?.toISOString() ?? null,
  requestedBy: row.requestedBy,
  requestedByName: row.requestedByName,
  selection: { targets: row.targets, vantages: row.vantages, rules: row.rules },
})
