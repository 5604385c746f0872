import type { ExposureSeen, Proof, WindowState } from '../../domain/exceptions/windows.ts'
import type { Codes } from '../db/codes.ts'
import { type Database, Prisma } from '../db/database.ts'
import { prepared, report, reportOnAll } from '../db/statements.ts'
import type { AccessWindow as Row } from '../generated/client.ts'
import { andAll } from '../query/conditions.ts'
import { aUuid, cutPage, decodeCursor, type Page } from '../query/cursor-page.ts'
import { type Selection, selectionColumns, selectionOf, selectsTarget } from '../query/selection.ts'
import { isTarget, needsTarget } from '../query/series-joins.ts'
import { andHas, madeIn, type TargetScope } from '../query/target-scope.ts'
import { findPermissions, type PermissionQuery } from './active-exceptions.ts'

export interface NewWindow {
  id: string
  policy: string
  rules: string[]
  targets: Selection
  /** Parameters of the audit that proves the closure. */
  params: Record<string, unknown>
  from: Date
  to: Date
  ticket: string
  reason: string
  requestedBy: string
}

export interface StoredWindow extends NewWindow {
  /** It permits exposures of targets within this scope only. */
  targetScope: TargetScope
  approvedBy: string | null
  approvedAt: Date | null
  canceledBy: string | null
  canceledAt: Date | null
  /** Whether the cancellation was a rejection of the request. */
  rejected: boolean
  /** What the person said who approved or rejected it. */
  decisionReason: string | null
  /** The number of reprobes, and the newest. */
  reprobes: number
  reprobeAuditId: string | null
  /** The result of the newest ended reprobe, and its end. */
  proof: Proof | null
  provenAt: Date | null
  createdAt: Date
}

/** The exposures that an ended audit saw. */
interface ExposuresSeen {
  windowId: string
  completed: boolean
  endedAt: Date
  exposures: ExposureSeen[]
}

interface WindowFilter {
  policy?: string
  state?: WindowState
  rule?: string
  /** The name of a target that it is for. */
  target?: string
  /** The external id of one. */
  externalId?: string
  ticket?: string
  /** It closes before, as planned. */
  expiresBefore?: Date
  now: Date
  cursor?: string
  limit: number
}

/** Time-boxed permissions for an exposure. */
export function createWindowStore(db: Database, { codes, targetScope }: { codes: Codes; targetScope: TargetScope }) {
  return {
    async create({ targets, from, to, params, ...window }: NewWindow): Promise<void> {
      const times = { fromAt: from, toAt: to, params: params as Prisma.InputJsonObject }
      await db.accessWindow.create({ data: { ...window, ...times, ...selectionColumns(targets), targetScope } })
    },

    async find(id: string): Promise<StoredWindow | undefined> {
      const row = await db.accessWindow.findFirst({ where: { id, ...madeIn(targetScope) } })
      return row ? fromRow(row) : undefined
    },

    /** The window, locked until the transaction ends. */
    async lock(id: string): Promise<StoredWindow | undefined> {
      await db.$executeRaw`SELECT FROM access_window WHERE id = ${id}::uuid FOR UPDATE`
      return this.find(id)
    },

    /** Newest first. */
    async list({ now, cursor, limit, ...filter }: WindowFilter): Promise<Page<StoredWindow>> {
      const [before] = decodeCursor(cursor, [aUuid]) ?? []
      const { policy, state, rule, ticket, expiresBefore } = filter
      const wanted = andAll([
        before && Prisma.sql`x.id < ${before}::uuid`,
        policy && Prisma.sql`x.policy = ${policy}`,
        rule && Prisma.sql`${rule} = ANY(x.rules)`,
        ticket && Prisma.sql`x.ticket = ${ticket}`,
        expiresBefore && Prisma.sql`x.to_at < ${expiresBefore}`,
        needsTarget(filter) && Prisma.sql`EXISTS (SELECT FROM target t WHERE ${selectsTarget} ${isTarget(filter)})`,
        state && Prisma.sql`${stateAt(now)} = ${state}`,
      ])
      const found = await report<{ id: string }>(db)`
        SELECT x.id FROM access_window x WHERE true ${wanted} ${andHas(targetScope, 'x.target_scope')}
        ORDER BY x.id DESC LIMIT ${limit + 1}`
      const ids = found.map(({ id }) => id)
      const rows = await db.accessWindow.findMany({ where: { id: { in: ids } }, orderBy: { id: 'desc' } })
      return cutPage(rows, limit, { keyOf: (row) => [row.id], toItem: fromRow })
    },

    /** A window of the same policy that shares time, a rule and a target with a new one. Concurrent requests wait for one another. */
    async findOverlap(
      { policy, rules, from, to }: NewWindow,
      targetIds: readonly number[],
    ): Promise<string | undefined> {
      await db.$executeRaw`SELECT pg_advisory_xact_lock(hashtext(${`window ${policy}`}))`
      const rows = await prepared<{ id: string }>(db)`
        SELECT x.id FROM access_window x JOIN target t ON ${selectsTarget}
        WHERE x.policy = ${policy} AND x.from_at < ${to} AND least(x.to_at, x.canceled_at) > ${from}
          AND x.rules && ${rules}::text[] AND t.id = ANY(${targetIds}::int[]) LIMIT 1`
      return rows[0]?.id
    },

    async approve(id: string, approvedBy: string, now: Date, reason: string | null = null): Promise<void> {
      await db.accessWindow.update({ where: { id }, data: { approvedBy, approvedAt: now, decisionReason: reason } })
    },

    async reject(id: string, rejectedBy: string, now: Date, reason: string): Promise<void> {
      const data = { canceledBy: rejectedBy, canceledAt: now, rejected: true, decisionReason: reason }
      await db.accessWindow.update({ where: { id }, data })
    },

    async cancel(id: string, canceledBy: string, now: Date): Promise<void> {
      await db.accessWindow.update({ where: { id }, data: { canceledBy, canceledAt: now } })
    },

    /** Records the audit that tests the closure. */
    async noteReprobe(id: string, auditId: string): Promise<void> {
      await db.accessWindow.update({ where: { id }, data: { reprobes: { increment: 1 }, reprobeAuditId: auditId } })
    },

    /** The live targets to probe after the end of a window: those that it selects, and those that had findings inside it. */
    async targetIds(id: string): Promise<number[]> {
      const rows = await prepared<{ id: number }>(db)`
        SELECT t.id FROM access_window x JOIN target t ON ${selectsTarget}
          OR t.id IN (SELECT target_id FROM finding_permission WHERE window_id = ${id}::uuid)
        WHERE x.id = ${id}::uuid AND t.retired_at IS NULL ORDER BY t.id`
      return rows.map((row) => row.id)
    },

    /** The exposures that the newest reprobe of a window saw, once it has ended; undefined for other audits. */
    async exposuresSeen(auditId: string): Promise<ExposuresSeen | undefined> {
      const [reprobe] = await prepared<Omit<ExposuresSeen, 'exposures'>>(db)`
        SELECT x.id AS "windowId", a.status = 'completed' AS completed, a.finished_at AS "endedAt"
        FROM audit a JOIN access_window x ON x.reprobe_audit_id = a.id
        WHERE a.id = ${auditId}::uuid AND a.finished_at IS NOT NULL`
      if (!reprobe) return undefined
      const [pass, fail, notchecked] = (['pass', 'fail', 'notchecked'] as const).map(codes.result.numberOf)
      const unsure = [codes.result.numberOf('unknown'), codes.result.numberOf('error')]
      const gone = (['vantage-absent', 'vantage-removed'] as const).map(codes.reason.numberOf)
      const exposures = await reportOnAll<ExposureSeen>(db)`
        SELECT bool_or(f.result = ${pass} AND p.window_id IS NULL) AS pass,
          bool_or(f.result = ${fail} AND p.window_id IS NULL) AS fail, bool_or(f.result = ${notchecked}) AS notchecked,
          bool_or(f.result = ANY(${unsure}::int[]) OR f.reason_id = ANY(${gone}::int[]) OR p.window_id IS NOT NULL) AS unsure,
          coalesce(json_agg(e.content) FILTER (WHERE f.result = ${pass} AND p.window_id IS NULL AND e.id IS NOT NULL), '[]') AS passed
        FROM finding f JOIN series s ON s.target_id = f.target_id AND s.id = f.series_id
          LEFT JOIN finding_permission p ON p.audit_id = f.audit_id AND p.target_id = f.target_id AND p.series_id = f.series_id
          LEFT JOIN evidence e ON e.id = f.evidence_id
        WHERE f.audit_id = ${auditId}::uuid GROUP BY f.target_id, s.rule_id`
      const present = exposures.map((one) => ({ ...one, passed: one.passed.map(codes.evidence.fromStored) }))
      return { ...reprobe, exposures: present }
    },

    /** Stores what a reprobe has shown; undefined where it was stored before, or a newer reprobe was started. */
    async noteProof({
      auditId,
      proof,
      endedAt,
    }: {
      auditId: string
      proof: Proof
      endedAt: Date
    }): Promise<StoredWindow | undefined> {
      const isNew = { OR: [{ provenAt: null }, { provenAt: { not: endedAt } }] }
      const where = { reprobeAuditId: auditId, ...isNew }
      const [noted] = await db.accessWindow.updateManyAndReturn({ where, data: { proof, provenAt: endedAt } })
      return noted && fromRow(noted)
    },

    /** The approved windows that are open for some of these targets at some of that time. */
    permissions: (queries: readonly PermissionQuery[]) =>
      findPermissions(
        db,
        queries,
        Prisma.sql`
        SELECT q.position, x.id, x.rules, t.id AS "targetId", greatest(x.from_at, x.approved_at) AS from, least(x.to_at, x.canceled_at) AS until
        FROM query q JOIN target t ON t.id = q.target_id JOIN access_window x ON x.policy = q.policy AND ${selectsTarget}
        WHERE x.approved_at <= q.until AND x.from_at <= q.until AND x.to_at > q.from`,
      ),
  }
}

/** How the window `x` stands, as windowState() says it. */
function stateAt(now: Date): Prisma.Sql {
  const begins = Prisma.sql`greatest(x.from_at, x.approved_at)`
  const ends = Prisma.sql`least(x.to_at, x.canceled_at)`
  return Prisma.sql`CASE
    WHEN x.rejected THEN 'rejected'
    WHEN x.approved_at IS NULL OR ${ends} <= ${begins} THEN
      CASE WHEN x.canceled_at IS NOT NULL THEN 'canceled' WHEN x.to_at <= ${now} THEN 'lapsed' ELSE 'requested' END
    WHEN ${begins} > ${now} THEN 'approved'
    WHEN ${ends} > ${now} THEN 'open'
    ELSE CASE x.proof WHEN 'closed' THEN 'closed' WHEN 'open' THEN 'still-open' ELSE 'ended' END END`
}

const fromRow = ({ targetNames, targetExternalIds, targetLabels, ...row }: Row): StoredWindow => {
  const { fromAt, toAt, params, proof, ...window } = row
  return {
    ...window,
    targetScope: window.targetScope as TargetScope,
    targets: selectionOf({ targetNames, targetExternalIds, targetLabels }),
    params: params as Record<string, unknown>,
    from: fromAt,
    to: toAt,
    proof: proof as Proof | null,
  }
}
