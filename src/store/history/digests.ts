import type { Database } from '../db/database.ts'
import { Prisma } from '../db/database.ts'
import { prepared } from '../db/statements.ts'
import { andAll } from '../query/conditions.ts'
import { andHas, type TargetScope } from '../query/target-scope.ts'

/** The periods of digests. */
export function createDigestStore(db: Database, targetScope: TargetScope) {
  return {
    /** The end of the newest digest before a point in time. */
    async endBefore(at: Date): Promise<Date | undefined> {
      const row = await db.digest.findFirst({ where: { toAt: { lt: at } }, orderBy: { toAt: 'desc' } })
      return row?.toAt
    },

    /** Records a digest; false where another process has recorded it. */
    async add(period: { from: Date; to: Date }): Promise<boolean> {
      const data = { fromAt: period.from, toAt: period.to }
      return (await db.digest.createMany({ data, skipDuplicates: true })).count > 0
    },

    /** How many audits ended in a period. */
    async endedAudits(
      { from, to }: { from: Date; to: Date },
      policies: readonly string[] | undefined,
    ): Promise<number> {
      const rows = await prepared<{ count: number }>(db)`
        SELECT count(*)::int AS count FROM audit a JOIN policy p ON p.id = a.policy_id
        WHERE a.finished_at > ${from} AND a.finished_at <= ${to} ${andAll([policies && Prisma.sql`p.name = ANY(${[...policies]}::text[])`])}
          ${andHas(targetScope, 'a.target_scope')}`
      return rows[0]?.count ?? 0
    },
  }
}
