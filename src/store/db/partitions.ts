import type { Database } from './database.ts'

/** Creates the partitions of this month and the next. */
export async function ensurePartitions(db: Database): Promise<void> {
  await db.$executeRaw`SELECT ensure_finding_partition(now()), ensure_finding_partition(now() + interval '1 month')`
}

/** The name of the partition that holds the findings of an audit: the month of its UUIDv7, as ensure_finding_partition() says it. */
export function findingPartition(auditId: string): string {
  const month = new Date(Number.parseInt(auditId.replaceAll('-', '').slice(0, 12), 16)).toISOString()
  return `finding_${month.slice(0, 4)}_${month.slice(5, 7)}`
}
