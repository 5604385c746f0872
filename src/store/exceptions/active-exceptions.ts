import type { Permission } from '../../domain/exceptions/active-exception.ts'
import type { Database, Prisma } from '../db/database.ts'
import { prepared } from '../db/statements.ts'
import { integers, plainTexts } from '../query/array-texts.ts'

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
  const targets = queries.flatMap(({ targetIds }, position) => targetIds.map((targetId) => ({ position, targetId })))
  const rows = await prepared<Row>(db)`
    WITH query AS (
      SELECT * FROM unnest(
        ${integers(queries.map((_, position) => position))}::int[], ${queries.map(({ policy }) => policy)}::text[],
        ${plainTexts(queries.map(({ from }) => from.toISOString()))}::timestamptz[],
        ${plainTexts(queries.map(({ until }) => until.toISOString()))}::timestamptz[]
      ) AS q(position, policy, "from", until) JOIN unnest(
        ${integers(targets.map(({ position }) => position))}::int[], ${integers(targets.map(({ targetId }) => targetId))}::int[]
      ) AS t(position, target_id) USING (position)
    ) ${select}`
  const found = queries.map((): Permission[] => [])
  for (const { position, from, until, ...row } of rows)
    found[position]?.push({ ...row, from: from.getTime(), until: until.getTime() })
  return found
}
