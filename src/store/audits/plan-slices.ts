import { createHash } from 'node:crypto'
import type { Sealer } from '../../domain/seals.ts'
import type { Database } from '../db/database.ts'
import { prepared } from '../db/statements.ts'
import type { PlannedTarget } from './planning-snapshot.ts'

/** Targets of an audit that are not planned yet, as they were when its planning began. */
interface PlanSlice {
  targets: PlannedTarget[]
  /** Whether this service stored the targets, as their seal proves. */
  isSealed: boolean
}

/** What is left to plan of audits that are planned in several transactions; each takes one slice, and plans it. */
export function createSliceStore(db: Database, sealer: Sealer) {
  const contentOf = (auditId: string, position: number, targets: string) =>
    `${auditId} ${position} ${createHash('sha256').update(targets).digest('hex')}`

  return {
    /** Stores slices in the transaction that begins to plan the audit. */
    async create(auditId: string, slices: readonly (readonly PlannedTarget[])[]): Promise<void> {
      const data = slices.map((slice, position) => {
        const targets = JSON.stringify(slice.map(({ id, name, address, params }) => ({ id, name, address, params })))
        return { auditId, position, targets, seal: sealer.seal('slice', contentOf(auditId, position, targets)) }
      })
      await db.planSlice.createMany({ data })
    },

    /** The position of the first slice that is left, also while another transaction plans it. */
    async next(auditId: string): Promise<number | undefined> {
      const where = { auditId }
      return (await db.planSlice.findFirst({ where, orderBy: { position: 'asc' }, select: { position: true } }))
        ?.position
    },

    /** Takes a slice out of what is left, after waiting for another transaction that plans it; undefined where that has done so. */
    async take(auditId: string, position: number): Promise<PlanSlice | undefined> {
      const [row] = await prepared<{ targets: string; seal: string | null }>(db)`
        DELETE FROM plan_slice WHERE audit_id = ${auditId}::uuid AND position = ${position}::int RETURNING targets, seal`
      if (!row) return undefined
      const isSealed = sealer.isSealed(row.seal, 'slice', contentOf(auditId, position, row.targets))
      return { targets: JSON.parse(row.targets), isSealed }
    },
  }
}
