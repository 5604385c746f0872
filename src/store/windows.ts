import type { Permission } from '../domain/permissions.ts'
import type { AuditCounts } from '../domain/verdict.ts'
import { type Proof, proofOf } from '../domain/windows.ts'
import { type Database, Prisma } from './database.ts'
import type { AccessWindow as Row } from './generated/client.ts'
import { aUuid, cutPage, decodeCursor, type Page } from './page.ts'
import { type Selection, selectionColumns, selectionOf, selectsTarget } from './selection.ts'
import type { PermissionQuery } from './waivers.ts'

export interface NewWindow {
  id: string
  policy: string
  rules: string[]
  targets: Selection
  /** Of the audit that proves the door shut. */
  params: Record<string, unknown>
  from: Date
  to: Date
  ticket: string
  reason: string
  requestedBy: string
}

export interface StoredWindow extends NewWindow {
  approvedBy: string | null
  approvedAt: Date | null
  canceledBy: string | null
  canceledAt: Date | null
  /** How often it was looked whether the door is shut, the newest of these audits, and what it has shown. */
  reprobes: number
  reprobeAuditId: string | null
  proof: Proof
  createdAt: Date
}

export interface WindowFilter {
  policy?: string
  /** Only those that are over, or only those that are not. */
  over?: boolean
  now: Date
  cursor?: string
  limit: number
}

export type WindowStore = ReturnType<typeof createWindowStore>

/** Time-boxed permissions for an exposure. */
export function createWindowStore(db: Database) {
  return {
    async create({ targets, from, to, params, ...window }: NewWindow): Promise<void> {
      const times = { fromAt: from, toAt: to, params: params as Prisma.InputJsonObject }
      await db.accessWindow.create({ data: { ...window, ...times, ...selectionColumns(targets) } })
    },

    async find(id: string): Promise<StoredWindow | undefined> {
      const rows = await db.$queryRaw<WindowRow[]>`${selectWindow} WHERE x.id = ${id}::uuid`
      return rows[0] && fromRow(rows[0])
    },

    /** The window, locked until the transaction ends. */
    async lock(id: string): Promise<StoredWindow | undefined> {
      await db.$executeRaw`SELECT FROM access_window WHERE id = ${id}::uuid FOR UPDATE`
      return this.find(id)
    },

    /** Newest first. */
    async list({ policy, over, now, cursor, limit }: WindowFilter): Promise<Page<StoredWindow>> {
      const [before] = decodeCursor(cursor, [aUuid]) ?? []
      const isOver = Prisma.sql`least(x.to_at, x.canceled_at) <= ${now}`
      const rows = await db.$queryRaw<WindowRow[]>`
        ${selectWindow} WHERE true ${before === undefined ? Prisma.empty : Prisma.sql`AND x.id < ${before}::uuid`}
          ${policy === undefined ? Prisma.empty : Prisma.sql`AND x.policy = ${policy}`}
          ${over === undefined ? Prisma.empty : over ? Prisma.sql`AND ${isOver}` : Prisma.sql`AND NOT ${isOver}`}
        ORDER BY x.id DESC LIMIT ${limit + 1}`
      return cutPage(rows, limit, { keyOf: (row) => [row.id], toItem: fromRow })
    },

    /** A window of the same policy that shares time, a rule and a target with a new one. Two at once wait for one another. */
    async findOverlap(
      { policy, rules, from, to }: NewWindow,
      targetIds: readonly number[],
    ): Promise<string | undefined> {
      await db.$executeRaw`SELECT pg_advisory_xact_lock(hashtext(${`window ${policy}`}))`
      const rows = await db.$queryRaw<{ id: string }[]>`
        SELECT x.id FROM access_window x JOIN target t ON ${selectsTarget}
        WHERE x.policy = ${policy} AND x.from_at < ${to} AND least(x.to_at, x.canceled_at) > ${from}
          AND x.rules && ${rules}::text[] AND t.id = ANY(${targetIds}::int[]) LIMIT 1`
      return rows[0]?.id
    },

    async approve(id: string, approvedBy: string, now: Date): Promise<void> {
      await db.accessWindow.update({ where: { id }, data: { approvedBy, approvedAt: now } })
    },

    async cancel(id: string, canceledBy: string, now: Date): Promise<void> {
      await db.accessWindow.update({ where: { id }, data: { canceledBy, canceledAt: now } })
    },

    /** Notes the audit that looks whether the door is shut. */
    async noteReprobe(id: string, auditId: string): Promise<void> {
      await db.accessWindow.update({ where: { id }, data: { reprobes: { increment: 1 }, reprobeAuditId: auditId } })
    },

    /** The live targets of a window now. */
    async targetIds(id: string): Promise<number[]> {
      const rows = await db.$queryRaw<{ id: number }[]>`
        SELECT t.id FROM access_window x JOIN target t ON ${selectsTarget}
        WHERE x.id = ${id}::uuid AND t.retired_at IS NULL ORDER BY t.id`
      return rows.map((row) => row.id)
    },

    /** The approved windows that are open for some of these targets at some of that time. */
    async permissions({ policy, targetIds, from, until }: PermissionQuery): Promise<Permission[]> {
      const rows = await db.$queryRaw<(Omit<Permission, 'from' | 'until'> & { from: Date; until: Date })[]>`
        SELECT x.id, x.rules, t.id AS "targetId", greatest(x.from_at, x.approved_at) AS from, least(x.to_at, x.canceled_at) AS until
        FROM access_window x JOIN target t ON ${selectsTarget}
        WHERE x.policy = ${policy} AND x.approved_at <= ${until} AND x.from_at <= ${until} AND x.to_at > ${from}
          AND t.id = ANY(${[...targetIds]}::int[])`
      return rows.map((row) => ({ ...row, from: row.from.getTime(), until: row.until.getTime() }))
    },
  }
}

type WindowRow = Row & { auditStatus: string | null; counts: AuditCounts | null; doubtful: boolean }

const selectWindow = Prisma.sql`
  SELECT x.id, x.policy, x.rules, x.target_names AS "targetNames", x.target_labels AS "targetLabels", x.params,
    x.from_at AS "fromAt", x.to_at AS "toAt", x.ticket, x.reason, x.requested_by AS "requestedBy",
    x.approved_by AS "approvedBy", x.approved_at AS "approvedAt", x.canceled_by AS "canceledBy", x.canceled_at AS "canceledAt",
    x.reprobes, x.reprobe_audit_id AS "reprobeAuditId", x.created_at AS "createdAt", a.status AS "auditStatus", a.counts,
    EXISTS (SELECT FROM finding_permission p WHERE p.audit_id = a.id AND p.window_id IS NOT NULL) OR EXISTS (
      SELECT FROM finding f JOIN reason r ON r.id = f.reason_id WHERE f.audit_id = a.id AND r.code = 'vantage-absent'
    ) AS doubtful
  FROM access_window x LEFT JOIN audit a ON a.id = x.reprobe_audit_id`

function fromRow(row: WindowRow): StoredWindow {
  const { targetNames, targetLabels, fromAt, toAt, params, auditStatus, counts, doubtful, ...window } = row
  const reprobe = auditStatus && counts ? { status: auditStatus, counts, doubtful } : undefined
  return {
    ...window,
    targets: selectionOf({ targetNames, targetLabels }),
    params: params as Record<string, unknown>,
    from: fromAt,
    to: toAt,
    proof: proofOf(reprobe),
  }
}
