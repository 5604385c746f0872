import type { Permission } from '../../domain/exceptions/active-exception.ts'
import type { Database, Prisma } from '../db/database.ts'

/** Of which policy and targets, and between which moments, permissions are wanted. */
export interface PermissionQuery {
  policy: string
  targetIds: readonly number[]
  from: Date
  until: Date
}

interface Row extends Omit<Permission, 'from' | 'until'> {
  place: number
  from: Date
  until: Date
}

/** Answers queries together, in their order: `select` finds permissions for the table `asked`, which has a row for each target of each. */
export async function findPermissions(
  db: Database,
  queries: readonly PermissionQuery[],
  select: Prisma.Sql,
): Promise<Permission[][]> {
  const asked = queries.flatMap((query, place) => query.targetIds.map((targetId) => ({ ...query, place, targetId })))
  const rows = await db.$queryRaw<Row[]>`
    WITH asked AS (
      SELECT * FROM unnest(
        ${asked.map(({ place }) => place)}::int[], ${asked.map(({ targetId }) => targetId)}::int[],
        ${asked.map(({ policy }) => policy)}::text[],
        ${asked.map(({ from }) => from.toISOString())}::timestamptz[], ${asked.map(({ until }) => until.toISOString())}::timestamptz[]
      ) AS q(place, target_id, policy, "from", until)
    ) ${select}`
  const found = queries.map((): Permission[] => [])
  for (const { place, from, until, ...row } of rows)
    found[place]?.push({ ...row, from: from.getTime(), until: until.getTime() })
  return found
}
