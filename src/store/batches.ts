import type { ResolvedRule } from '../domain/policy.ts'
import type { VantageKind } from '../domain/presence.ts'
import type { Database, Prisma } from './database.ts'

/** One look of a batch; `rule` is an index into the batch's rules, so that equal rules are stored once. */
export interface BatchCheck {
  targetId: number
  seriesId: number
  rule: number
  host: string
  indirect: boolean
}

/** A bounded share of an audit's checks for one vantage. */
export interface Batch {
  id: number
  auditId: string
  auditStatus: string
  rules: ResolvedRule[]
  checks: BatchCheck[]
}

export type BatchStore = ReturnType<typeof createBatchStore>

/** Batches wait here until they are recorded; the queue carries their ids. */
export function createBatchStore(db: Database) {
  return {
    async create(auditId: string, vantageId: number, content: Pick<Batch, 'rules' | 'checks'>): Promise<number> {
      const checks = { ...content } as unknown as Prisma.InputJsonObject
      return (await db.batch.create({ data: { auditId, vantageId, checks }, select: { id: true } })).id
    },

    /** The batch, or undefined when it has been recorded. */
    async findOpen(id: number): Promise<Batch | undefined> {
      const rows = await db.$queryRaw<{ auditId: string; status: string; checks: Pick<Batch, 'rules' | 'checks'> }[]>`
        SELECT b.audit_id AS "auditId", a.status, b.checks FROM batch b JOIN audit a ON a.id = b.audit_id
        WHERE b.id = ${id} AND b.done_at IS NULL`
      const row = rows[0]
      return row && { id, auditId: row.auditId, auditStatus: row.status, ...row.checks }
    },

    /** An audit's batches that are not recorded yet, each with its vantage. */
    async open(
      auditId: string,
    ): Promise<{ id: number; vantage: string; kind: VantageKind; lastSeenAt: Date | null }[]> {
      return db.$queryRaw`
        SELECT b.id, v.name AS vantage, v.kind, v.last_seen_at AS "lastSeenAt"
        FROM batch b JOIN vantage v ON v.id = b.vantage_id WHERE b.audit_id = ${auditId}::uuid AND b.done_at IS NULL ORDER BY b.id`
    },

    /** The ids of an audit's batches that are not recorded yet. */
    async openIds(auditId: string): Promise<number[]> {
      return (await db.batch.findMany({ where: { auditId, doneAt: null }, select: { id: true } })).map(({ id }) => id)
    },
  }
}
