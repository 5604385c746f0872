import type { Database } from './database.ts'

/** Makes sure that findings of this month and of the next one have their partition. */
export async function ensurePartitions(db: Database): Promise<void> {
  await db.$executeRaw`SELECT ensure_finding_partition(now()), ensure_finding_partition(now() + interval '1 month')`
}
