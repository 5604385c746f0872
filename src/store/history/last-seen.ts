import { type Database, Prisma } from '../db/database.ts'
import { reportOnAll } from '../db/statements.ts'

/** An audit, and the targets that no newer one included. */
interface Seen {
  policy: string
  target_ids: number[]
  observed_from: Date
  observed_until: Date
}

/** How many of the newest audits are examined: more only while they leave targets out. For the rest, the span counts. */
const newestAudits = [10, 100, 1_000]

/**
 * Runs a report that needs to know when each target was last audited: `read` gets a table of (policy, target_id, observed_from,
 * observed_until) and counts in `unseen` the rows whose target it lacks.
 */
export async function readWithLastSeen<Row extends { unseen: number }>(
  db: Database,
  at: Date,
  policy: string | undefined,
  read: (seen: Prisma.Sql) => Promise<Row[]>,
): Promise<Row[]> {
  let rows: Row[] = []
  for (const audits of newestAudits) {
    rows = await read(tableOf(await lastSeen(db, at, { policy, audits })))
    if (rows.every(({ unseen }) => unseen === 0)) break
  }
  return rows
}

/** When targets were last audited for a policy, by id; absent where none of its newest 1,000 audits included one. */
export async function lastAudited(
  db: Database,
  at: Date,
  policy: string,
  targets: readonly number[],
): Promise<Map<number, Date>> {
  let found = new Map<number, Date>()
  for (const audits of newestAudits) {
    const seen = await lastSeen(db, at, { policy, audits })
    found = new Map(
      seen.flatMap(({ target_ids, observed_until }) => target_ids.map((id) => [id, observed_until] as const)),
    )
    if (targets.every((id) => found.has(id))) break
  }
  return found
}

const tableOf = (seen: readonly Seen[]) => Prisma.sql`
  SELECT a.*, unnest(target_ids) AS target_id
  FROM jsonb_to_recordset(${JSON.stringify(seen)}::jsonb) AS a(policy text, target_ids int[], observed_from timestamptz, observed_until timestamptz)`

/**
 * Of each target, when the last of the newest audits of each policy before `at` included it. An audit of chosen vantages or
 * rules does not count: it says nothing of the others.
 */
async function lastSeen(
  db: Database,
  at: Date,
  { policy, audits }: { policy: string | undefined; audits: number },
): Promise<Seen[]> {
  const rows = await reportOnAll<Seen>(db)`
    SELECT a.name AS policy, a.target_ids, a.observed_from, least(a.observed_until, ${at}) AS observed_until FROM (
      SELECT DISTINCT name FROM policy ${policy === undefined ? Prisma.empty : Prisma.sql`WHERE name = ${policy}`}
    ) n CROSS JOIN LATERAL (
      SELECT p.name, a.id, a.target_ids, a.observed_from, a.observed_until FROM audit a JOIN policy p ON p.id = a.policy_id
      WHERE p.name = n.name AND a.observed_from <= ${at} AND a.vantages = '{}' AND coalesce(a.rules, '{}') = '{}' ORDER BY a.id DESC LIMIT ${audits}
    ) a ORDER BY a.id DESC`
  const seen = new Map<string, Set<number>>()
  return rows.flatMap((row) => {
    const before = seen.get(row.policy) ?? new Set()
    seen.set(row.policy, before)
    const target_ids = row.target_ids.filter((id) => !before.has(id))
    for (const id of target_ids) before.add(id)
    return target_ids.length === 0 ? [] : [{ ...row, target_ids }]
  })
}
