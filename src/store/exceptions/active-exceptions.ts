import type { Permission } from '../../domain/exceptions/active-exception.ts'
import type { Database, Prisma } from '../db/database.ts'
import { prepared } from '../db/statements.ts'

/** The policy, targets and period for which permissions are needed. */
export interface PermissionQuery {
  policy: string
  targetIds: readonly number[]
  from: Date
  until: Date
}

interface Row extends Omit<Permission, 'from' | 'until'> {
  position: number
  from: Date
  until: Date
}

/** Returns the permissions of each query, in their order. `select` reads the table `query`, one row for each target of each query. */
export async function findPermissions(
  db: Database,
  queries: readonly PermissionQuery[],
  select: Prisma.Sql,
): Promise<Permission[][]> {
  const targets = queries.flatMap((query, position) =>
    query.targetIds.map((targetId) => ({ ...query, position, targetId })),
  )
  const rows = await prepared<Row>(db)`
    WITH query AS (
      SELECT * FROM unnest(
        ${targets.map(({ position }) => position)}::int[], ${targets.map(({ targetId }) => targetId)}::int[],
        ${targets.map(({ policy }) => policy)}::text[],
        ${targets.map(({ from }) => from.toISOString())}::timestamptz[], ${targets.map(({ until }) => until.toISOString())}::timestamptz[]
      ) AS q(position, target_id, policy, "from", until)
    ) ${select}`
  const found = queries.map((): Permission[] => [])
  for (const { position, from, until, ...row } of rows)
    found[position]?.push({ ...row, from: from.getTime(), until: until.getTime() })
  return found
}
