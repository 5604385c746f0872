import type { Evidence } from '../../domain/findings/evidence.ts'
import { type Finding, findingFlags } from '../../domain/findings/finding.ts'
import type { Result } from '../../domain/findings/judge.ts'
import { describeReason } from '../../domain/findings/reasons.ts'
import { required } from '../../runtime/required.ts'
import type { Codes } from '../db/codes.ts'
import { type Database, Prisma } from '../db/database.ts'
import { prepared } from '../db/statements.ts'
import { decodeCursor, eachPage, encodeCursor, type Page, type PageRequest } from '../query/cursor-page.ts'
import { columnsOf } from '../query/json-columns.ts'
import { isAbout, type SeriesFilter, seriesNamesOf } from '../query/series-joins.ts'
import { andOfTarget, type TargetScope } from '../query/target-scope.ts'

interface FindingFilter extends Pick<SeriesFilter, 'target' | 'externalId' | 'rule' | 'vantage'> {
  result?: Result
}

/**
 * Whether an audit has findings, for any target: retention drops all of them. In the order of the index: without an order
 * PostgreSQL reads the partition from its start until it meets one.
 */
export async function areFindingsKept(db: Database, auditId: string): Promise<boolean> {
  const found = await db.finding.findFirst({
    where: { auditId },
    select: { auditId: true },
    orderBy: [{ targetId: 'asc' }, { seriesId: 'asc' }],
  })
  return found !== null
}

/** Findings in the constant order of targets and series. */
export function createFindingStore(db: Database, { codes, targetScope }: { codes: Codes; targetScope: TargetScope }) {
  const decode = ({ rows, ...names }: Piece) => columns.rowsOf(rows).map((row) => fromRow(codes, names, row))
  const decodeWithTargets = ({ rows, ...names }: Piece): FindingOfTarget[] =>
    columns.rowsOf(rows).map((row) => ({
      finding: fromRow(codes, names, row),
      target: required(names.targets[row.targetId], `target ${row.targetId}`),
    }))
  const eachPiece = (auditId: string, filter: FindingFilter) =>
    eachPage((page) => fetchPieces(auditId, { ...filter, ...page }))

  /** A page in pieces that are decoded one by one. */
  async function fetchPieces(
    auditId: string,
    { cursor, limit, ...filter }: FindingFilter & PageRequest,
  ): Promise<Page<Piece>> {
    const [target, series] = decodeCursor(cursor, [0, 0]) ?? [0, 0]
    const { result } = filter
    const about = isAbout(filter)
    // Cut the page before joining: the planner would join the whole audit, or every target.
    const pieces = await prepared<Piece & { next: [number, number] | null }>(db)`
      WITH page AS MATERIALIZED (
        SELECT f.*, row_number() OVER (ORDER BY target_id, series_id)::int AS number FROM (
          SELECT f.* FROM finding f ${about === Prisma.empty ? about : seriesNamesOf('f')}
          WHERE f.audit_id = ${auditId}::uuid AND (f.target_id, f.series_id) > (${target}::int, ${series}::int)
            ${andOfTarget(targetScope, 'f.target_id')} ${about} ${result ? Prisma.sql`AND f.result = ${codes.result.numberOf(result)}` : Prisma.empty}
          ORDER BY f.target_id, f.series_id LIMIT ${limit + 1}
        ) f
      ), resolved AS MATERIALIZED (
        SELECT f.*, (f.number - 1) / ${pieceRows} AS piece, s.rule_id, s.vantage_id, s.fingerprint, e.content AS evidence FROM page f
          CROSS JOIN LATERAL (SELECT rule_id, vantage_id, fingerprint FROM series WHERE target_id = f.target_id AND id = f.series_id LIMIT 1) s
          LEFT JOIN LATERAL (SELECT content FROM evidence WHERE id = f.evidence_id LIMIT 1) e ON true
        WHERE f.number <= ${limit}
      )
      SELECT ${columns.select} AS rows,
        (SELECT json_object_agg(x.target_id, t) FROM (SELECT DISTINCT target_id FROM page) x
          CROSS JOIN LATERAL (SELECT name, address, labels, params, external_id AS "externalId" FROM target WHERE id = x.target_id LIMIT 1) t) AS targets,
        (SELECT json_object_agg(id, name) FROM rule WHERE id IN (SELECT rule_id FROM resolved)) AS rules,
        (SELECT json_object_agg(id, name) FROM vantage WHERE id IN (SELECT vantage_id FROM resolved)) AS vantages,
        (SELECT json_build_array(target_id, series_id) FROM page
          WHERE number = ${limit} AND EXISTS (SELECT FROM page WHERE number > ${limit})) AS next
      FROM resolved f
        LEFT JOIN finding_permission p ON p.audit_id = ${auditId}::uuid AND p.target_id = f.target_id AND p.series_id = f.series_id
        LEFT JOIN waiver w ON w.id = p.waiver_id
      GROUP BY piece ORDER BY piece`
    const next = pieces[0]?.next
    return { items: pieces, next: next ? encodeCursor(next) : null }
  }

  return {
    /** A page of findings with their targets as they are now. */
    async list(auditId: string, filter: FindingFilter & PageRequest): Promise<Page<FindingOfTarget>> {
      const { items, next } = await fetchPieces(auditId, filter)
      return { items: items.flatMap(decodeWithTargets), next }
    },

    areKept: (auditId: string) => areFindingsKept(db, auditId),

    /** All of them, some hundred at a time; memory holds a few pages of them as text, and objects of some hundred alone. */
    async *each(auditId: string, filter: FindingFilter = {}): AsyncGenerator<Finding[]> {
      for await (const pieces of eachPiece(auditId, filter)) for (const piece of pieces) yield decode(piece)
    },

    /** The same, with their targets as they are now. */
    async *eachOfTarget(auditId: string, filter: FindingFilter): AsyncGenerator<FindingOfTarget[]> {
      for await (const pieces of eachPiece(auditId, filter)) for (const piece of pieces) yield decodeWithTargets(piece)
    },
  }
}

/** What listings say about a target; the findings of a page share it. */
export interface FoundTarget {
  name: string
  address: string
  labels: Record<string, string>
  params: Record<string, unknown>
  externalId: string | null
}

export interface FindingOfTarget {
  finding: Finding
  target: FoundTarget
}

/** Few enough to be collected while young. */
const pieceRows = 200

interface Row {
  fingerprint: string
  targetId: number
  seriesId: number
  ruleId: number
  vantageId: number
  result: number
  state: number
  reasonId: number
  observedAt: string
  latencyMs: number
  attempts: number
  flags: number
  evidence: Evidence | null
  permission: { window: string | null; waiver: string | null; expiresAt: string | null } | null
}

const columns = columnsOf<Row>('number', {
  fingerprint: 'fingerprint',
  targetId: 'f.target_id',
  seriesId: 'f.series_id',
  ruleId: 'rule_id',
  vantageId: 'vantage_id',
  result: 'result',
  state: 'state',
  reasonId: 'reason_id',
  observedAt: 'observed_at',
  latencyMs: 'latency_ms',
  attempts: 'attempts',
  flags: 'flags',
  evidence: 'evidence',
  permission: `CASE WHEN p.audit_id IS NOT NULL THEN
    json_build_object('window', p.window_id, 'waiver', w.id, 'expiresAt', w.expires_at) END`,
})

/** By id. */
interface Names extends Record<'rules' | 'vantages', Readonly<Record<number, string>>> {
  targets: Readonly<Record<number, FoundTarget>>
}
interface Piece extends Names {
  rows: string
}

function fromRow(codes: Codes, { targets, rules, vantages }: Names, row: Row): Finding {
  const evidence = row.evidence && codes.evidence.fromStored(row.evidence)
  return {
    fingerprint: row.fingerprint,
    target: required(targets[row.targetId], `target ${row.targetId}`).name,
    rule: required(rules[row.ruleId], `rule ${row.ruleId}`),
    vantage: required(vantages[row.vantageId], `vantage ${row.vantageId}`),
    result: codes.result.wordOf(row.result),
    state: codes.state.wordOf(row.state),
    reason: describeReason(codes.reason.wordOf(row.reasonId), evidence),
    observedAt: new Date(row.observedAt).toISOString(),
    latencyMs: row.latencyMs < 0 ? null : row.latencyMs,
    attempts: row.attempts,
    indirect: (row.flags & findingFlags.indirect) !== 0,
    late: (row.flags & findingFlags.late) !== 0,
    evidence,
    window: row.permission?.window ?? null,
    waiver: waiverOf(row.permission),
  }
}

const waiverOf = (permission: Row['permission']): Finding['waiver'] =>
  permission?.waiver && permission.expiresAt
    ? { id: permission.waiver, expiresAt: new Date(permission.expiresAt).toISOString() }
    : null
