import { findingFlags } from '../../domain/findings/finding.ts'
import type { LedgerStateKind } from '../../domain/ledger.ts'
import { digest } from '../../encoding/canonical-json.ts'
import { type Database, Prisma } from '../db/database.ts'
import { reportOnAll } from '../db/statements.ts'
import { actionsOf, digestStates, hasEnded, hasFinishEntry, type ObjectState, presentStates } from './object-states.ts'
import { broken, type Verification } from './verification.ts'

type LedgerIssue = Verification['broken']

/** Whether the states that an entry left are stored as the entry says. */
export async function areStatesAsSigned(db: Database, entry: { seq: number; payload: unknown }): Promise<boolean> {
  const then = (entry.payload as { states?: { digest: string } }).states
  if (!then) return true
  const rows = await db.ledgerState.findMany({ where: { seq: entry.seq } })
  return digestStates(rows as unknown as ObjectState[]).digest === then.digest
}

/** The first state that belongs to no entry. */
export async function findForgedState(db: Database, end: number): Promise<LedgerIssue> {
  const [first] = await reportOnAll<{ kind: string; subject: string }>(db)`
    SELECT kind, subject FROM ledger_state s
    WHERE NOT EXISTS (SELECT FROM ledger_entry e WHERE e.seq = s.seq AND e.payload ? 'states') ORDER BY seq LIMIT 1`
  return first
    ? broken(end, 'object', `ledger_state holds a state of ${first.kind} ${first.subject} that no entry left`)
    : null
}

/** The first ended audit or policy version that has no entry and was not adopted; its dates do not count. */
export async function findUnrecorded(db: Database, end: number): Promise<LedgerIssue> {
  const [first] = await reportOnAll<{ kind: 'audit' | 'policy'; what: string; total: number }>(db)`
    WITH unrecorded AS (
      SELECT 'audit' AS kind, 'audit ' || e.id || ' has ended' AS what, e.id::text AS subject FROM audit e
      WHERE ${hasEnded} AND NOT ${hasFinishEntry}
      UNION ALL
      SELECT 'policy', 'policy ' || name || ' version ' || version || ' is there', name || '@' || version FROM policy p
      WHERE NOT EXISTS (
        SELECT FROM ledger_entry e WHERE e.action = 'policy.put' AND e.subject = p.name AND e.payload @> jsonb_build_object('version', p.version)
      )
    )
    SELECT kind, what, count(*) OVER ()::int AS total FROM unrecorded u
    WHERE NOT EXISTS (SELECT FROM ledger_state s WHERE s.kind = u.kind AND s.subject = u.subject)
    ORDER BY what LIMIT 1`
  if (!first) return null
  const others = first.total > 1 ? `, nor have ${first.total - 1} others` : ''
  return broken(end, first.kind, `${first.what}, and has no entry${others}`)
}

/** The first object whose row is not what its newest entry left. */
export async function findChangedObject(db: Database, end: number): Promise<LedgerIssue> {
  for (const kind of Object.keys(presentStates) as LedgerStateKind[]) {
    const [first] = await reportOnAll<{ subject: string; isThere: boolean; seq: number | null; total: number }>(db)`
      WITH newest AS (
        SELECT DISTINCT ON (subject) subject, digest, seq FROM ledger_state WHERE kind = ${kind} ORDER BY subject, seq DESC
      ), compared AS (
        SELECT coalesce(o.subject, s.subject) AS subject, o.subject IS NOT NULL AS "isThere", s.seq::int AS seq
        FROM (${presentStates[kind]}) o FULL JOIN newest s ON s.subject = o.subject
        WHERE o.digest IS DISTINCT FROM nullif(s.digest, 'gone') ${kind === 'audit' ? Prisma.sql`AND s.subject IS NOT NULL` : Prisma.empty}
      )
      SELECT c.*, count(*) OVER ()::int AS total FROM compared c WHERE NOT ${changedByOlderVersion(kind)}
      ORDER BY c.subject LIMIT 1`
    if (first) return broken(first.seq ?? end, kind === 'audit' ? 'audit' : 'object', describe(kind, first))
  }
  return null
}

function describe(
  kind: LedgerStateKind,
  found: { subject: string; isThere: boolean; seq: number | null; total: number },
) {
  const name =
    kind === 'request'
      ? `what was requested as ${found.subject}`
      : `${kind === 'approval' ? 'the approval of' : kind} ${found.subject}`
  const others = found.total > 1 ? `; the same holds for ${found.total - 1} others` : ''
  if (found.seq === null) return `${name} is there, and has no entry${others}`
  if (!found.isThere) return `${name} is gone, and no entry says so${others}`
  return `${name} is not what this entry left, and no later entry changes it${others}`
}

/** Whether an entry of an older version, which left no state of this kind, explains that the object `c` differs. */
function changedByOlderVersion(kind: LedgerStateKind): Prisma.Sql {
  if (kind === 'audit') return Prisma.sql`false`
  if (kind === 'proof')
    return Prisma.sql`EXISTS (
      SELECT FROM access_window w JOIN audit a ON a.id = w.reprobe_audit_id
        LEFT JOIN ledger_entry e ON e.action = 'audit.finish' AND e.subject = a.id::text
      WHERE w.id::text = c.subject AND a.trigger = 'window:' || w.id AND NOT coalesce(e.payload ? 'record', false))`
  const isAbout =
    kind === 'policy' || kind === 'source'
      ? Prisma.sql`e.subject || '@' || (e.payload ->> 'version') = c.subject`
      : Prisma.sql`(e.subject = c.subject OR e.action = 'targets.save')`
  return Prisma.sql`(c.seq IS NULL AND NOT EXISTS (
    SELECT FROM ledger_entry e WHERE e.action IN ('ledger.begin', 'ledger.adopt') AND e.payload ? 'states'
      AND (e.payload -> 'kinds' ? ${kind} OR ${isOldest(kind)})
  ) OR EXISTS (
    SELECT FROM ledger_entry e WHERE e.action = ANY(${actionsOf(kind)}::text[]) AND e.seq > coalesce(c.seq, 0)
      AND NOT EXISTS (SELECT FROM ledger_state s WHERE s.seq = e.seq AND s.kind = ${kind}) AND ${isAbout}))`
}

/** The first version that covered objects did not list the kinds in its first entry. */
const isOldest = (kind: LedgerStateKind) => !['approval', 'schedule', 'webhook', 'vantage', 'source'].includes(kind)

/** The first span that no finding of its audit has opened, or that overlaps another; `droppedUntil`: before it, findings are gone. */
export async function findForgedSpan(db: Database, end: number, droppedUntil: string): Promise<LedgerIssue> {
  const [first] = await reportOnAll<{ target: number; at: Date; what: string }>(db)`
    WITH checked AS (
      SELECT s.*, lead(from_at) OVER (PARTITION BY target_id, series_id ORDER BY from_at) AS next_at FROM span s
    )
    SELECT s.target_id AS target, s.from_at AS at, CASE WHEN s.to_at < s.from_at OR s.next_at < coalesce(s.to_at, 'infinity')
      THEN 'does not end where the next one begins' ELSE 'was opened by no finding of its audit' END AS what
    FROM checked s WHERE s.to_at < s.from_at OR s.next_at < coalesce(s.to_at, 'infinity') OR (
      s.audit_id >= ${droppedUntil}::uuid AND NOT EXISTS (
        SELECT FROM finding f WHERE f.audit_id = s.audit_id AND f.target_id = s.target_id AND f.series_id = s.series_id
          AND f.observed_at = s.from_at AND (f.result, f.state, f.reason_id, f.evidence_id) = (s.result, s.state, s.reason_id, s.evidence_id)
          AND f.flags & ${findingFlags.late}::smallint = 0 OFFSET 0
      ) AND NOT EXISTS (
        SELECT FROM ledger_entry e WHERE e.action = 'audit.finish' AND e.subject = s.audit_id::text AND NOT e.payload ? 'record'
      ) AND NOT EXISTS (SELECT FROM ledger_state e WHERE e.kind = 'audit' AND e.subject = s.audit_id::text)
    ) ORDER BY s.from_at LIMIT 1`
  if (!first) return null
  return broken(end, 'span', `the span of target ${first.target} from ${first.at.toISOString()} ${first.what}`)
}

/** The first rule that no version of its policy has. */
export async function findForgedRule(db: Database, end: number): Promise<LedgerIssue> {
  const [first] = await reportOnAll<{ policy: string; name: string }>(db)`
    SELECT policy, name FROM rule r WHERE NOT EXISTS (
      SELECT FROM policy p WHERE p.name = r.policy AND p.document -> 'rules' @> jsonb_build_array(jsonb_build_object('id', r.name))
    ) ORDER BY id LIMIT 1`
  return first ? broken(end, 'object', `rule ${first.name} is in no version of policy ${first.policy}`) : null
}

const evidencePerRead = 1_000

/** The first evidence whose content is not that of its digest. */
export async function findForgedEvidence(db: Database, end: number): Promise<LedgerIssue> {
  for (let after: number | undefined = -(2 ** 31); after !== undefined; ) {
    const rows: { id: number; digest: Uint8Array; content: unknown }[] = await db.evidence.findMany({
      where: { id: { gt: after } },
      orderBy: { id: 'asc' },
      take: evidencePerRead,
      select: { id: true, digest: true, content: true },
    })
    const forged = rows.find((row) => digest(row.content) !== Buffer.from(row.digest).toString('hex'))
    if (forged) return broken(end, 'object', `evidence ${forged.id} does not fit its digest`)
    after = rows.at(-1)?.id
  }
  return null
}
