import { Prisma } from '../db/database.ts'
import { selectsTarget } from '../query/selection.ts'

/** Selects rules and targets whose failures a waiver accepts at a point in time: (target_id, rule_id, id, expires_at), the longest waiver. */
export const waiversAt = (at: Date): Prisma.Sql => Prisma.sql`
  SELECT DISTINCT ON (t.id, r.id) t.id AS target_id, r.id AS rule_id, x.id, x.expires_at
  FROM waiver x JOIN rule r ON r.policy = x.policy AND r.name = ANY(x.rules) JOIN target t ON ${selectsTarget}
  WHERE x.approved_at <= ${at} AND least(x.expires_at, x.revoked_at) > ${at}
  ORDER BY t.id, r.id, least(x.expires_at, x.revoked_at) DESC`

/** Selects rules and targets for which a window is open at a point in time: (target_id, rule_id, id, ticket), the longest window. */
export const windowsAt = (at: Date): Prisma.Sql => Prisma.sql`
  SELECT DISTINCT ON (t.id, r.id) t.id AS target_id, r.id AS rule_id, x.id, x.ticket
  FROM access_window x JOIN rule r ON r.policy = x.policy AND r.name = ANY(x.rules) JOIN target t ON ${selectsTarget}
  WHERE greatest(x.from_at, x.approved_at) <= ${at} AND x.approved_at IS NOT NULL AND least(x.to_at, x.canceled_at) > ${at}
  ORDER BY t.id, r.id, least(x.to_at, x.canceled_at) DESC`
