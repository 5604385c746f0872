import type { Verdict } from '../../domain/findings/verdict.ts'
import type { Database } from '../db/database.ts'
import { Prisma } from '../db/database.ts'
import { report, reportOnAll } from '../db/statements.ts'
import { andHas, type TargetScope } from '../query/target-scope.ts'
import { containing, containsText } from '../query/text-search.ts'

/** Results of each kind. */
export const searchLimit = 8

export interface FoundTarget {
  name: string
  address: string
  externalId: string | null
}

/** A ticket: audits and windows name it. */
export interface FoundTicket {
  ticket: string
  audits: number
  windows: number
  lastAt: Date
}

export interface FoundAudit {
  id: string
  policy: string
  correlationId: string | null
  verdict: Verdict | null
  createdAt: Date
}

export interface FoundFinding {
  fingerprint: string
  target: string
  policy: string
  rule: string
  vantage: string
}

export interface FoundRule {
  policy: string
  rule: string
  title: string
}

/** Newest audits whose tickets are searched for a part; older ones are found by their whole ticket. */
const recentAudits = 10_000

/** Finds things by a part of their name, address or title, or by the beginning of their id; the best match first. */
export function createSearchStore(db: Database, targetScope: TargetScope) {
  return {
    /** Live targets by a part of name, address or external id, or by an address that their name resolved to. */
    targets: (text: string): Promise<FoundTarget[]> =>
      report<FoundTarget>(db)`
        SELECT name, address, external_id AS "externalId" FROM target t
        WHERE retired_at IS NULL AND ${containsText(text, 't')} ${andHas(targetScope, 't.labels')}
        ORDER BY least(${rank(text, 'name')}, ${rank(text, 'address')}, ${rank(text, 'external_id')}), name LIMIT ${searchLimit}`,

    /** Tickets by a part. */
    tickets: (text: string): Promise<FoundTicket[]> =>
      report<FoundTicket>(db)`
        SELECT ticket, count(*) FILTER (WHERE kind = 'audit')::int AS audits, count(*) FILTER (WHERE kind = 'window')::int AS windows, max(at) AS "lastAt"
        FROM (
          SELECT correlation_id AS ticket, 'audit' AS kind, created_at AS at, id FROM (
            SELECT correlation_id, created_at, id FROM audit a WHERE true ${andHas(targetScope, 'a.target_scope')} ORDER BY id DESC LIMIT ${recentAudits}
          ) a WHERE ${containing(text, 'correlation_id')}
          UNION SELECT correlation_id, 'audit', created_at, id FROM audit a WHERE correlation_id = ${text} ${andHas(targetScope, 'a.target_scope')}
          UNION SELECT ticket, 'window', created_at, id FROM access_window x WHERE ${containing(text, 'ticket')} ${andHas(targetScope, 'x.target_scope')}
        ) found GROUP BY ticket ORDER BY ${rank(text, 'ticket')}, max(at) DESC LIMIT ${searchLimit}`,

    /** Audits by the beginning of their id. */
    async audits(text: string): Promise<FoundAudit[]> {
      const ids = idsFrom(text)
      if (!ids) return []
      return report<FoundAudit>(db)`
        SELECT a.id, p.name AS policy, a.correlation_id AS "correlationId", a.verdict, a.created_at AS "createdAt" FROM audit a JOIN policy p ON p.id = a.policy_id
        WHERE a.id BETWEEN ${ids.first}::uuid AND ${ids.last}::uuid ${andHas(targetScope, 'a.target_scope')} ORDER BY a.id DESC LIMIT ${searchLimit}`
    },

    /** Findings by the beginning of their fingerprint. */
    async findings(text: string): Promise<FoundFinding[]> {
      const ids = idsFrom(text)
      if (!ids) return []
      return report<FoundFinding>(db)`
        SELECT s.fingerprint, t.name AS target, r.policy, r.name AS rule, v.name AS vantage
        FROM series s JOIN target t ON t.id = s.target_id JOIN rule r ON r.id = s.rule_id JOIN vantage v ON v.id = s.vantage_id
        WHERE s.fingerprint BETWEEN ${ids.first}::uuid AND ${ids.last}::uuid ${andHas(targetScope, 't.labels')} ORDER BY s.fingerprint LIMIT ${searchLimit}`
    },

    /** Rules of the newest policy versions, by a part of their id, their title or the name of their policy. */
    rules: (text: string): Promise<FoundRule[]> =>
      reportOnAll<FoundRule>(db)`
        SELECT policy, rule, title FROM (
          SELECT p.name AS policy, e.value->>'id' AS rule, e.value->>'title' AS title FROM (
            SELECT DISTINCT ON (name) name, document FROM policy ORDER BY name, version DESC
          ) p CROSS JOIN LATERAL jsonb_array_elements(p.document->'rules') e
        ) r WHERE ${containing(text, 'rule')} OR ${containing(text, 'title')} OR ${containing(text, 'policy')}
        ORDER BY least(${rank(text, 'rule')}, ${rank(text, 'title')}), policy, rule LIMIT ${searchLimit}`,
  }
}

/** 0: the text itself; 1: begins with it; 2: contains it; 3: does not. */
const rank = (text: string, column: string): Prisma.Sql => {
  const value = Prisma.raw(`lower(coalesce(${column}, ''))`)
  const wanted = Prisma.sql`lower(${text})`
  return Prisma.sql`CASE WHEN ${value} = ${wanted} THEN 0 WHEN starts_with(${value}, ${wanted}) THEN 1 WHEN strpos(${value}, ${wanted}) > 0 THEN 2 ELSE 3 END`
}

const leastDigits = 4

/** The UUIDs that begin with a text; undefined where it is no beginning of one. */
export function idsFrom(text: string): { first: string; last: string } | undefined {
  const digits = text.toLowerCase().replaceAll('-', '')
  if (!/^[0-9a-f]+$/.test(digits) || digits.length < leastDigits || digits.length > 32) return undefined
  const whole = (fill: string) => digits.padEnd(32, fill).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  return { first: whole('0'), last: whole('f') }
}
