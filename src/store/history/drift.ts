import type { Evidence } from '../../domain/findings/evidence.ts'
import {
  causeOf,
  compareFields,
  type DriftCause,
  type DriftClass,
  driftClasses,
  type FieldChange,
  type SeriesState,
  showOutcome,
} from '../../domain/history/drift.ts'
import { type Significance, significanceOf, significanceOfDrift } from '../../domain/history/significance.ts'
import { areFindingsKept } from '../audits/findings.ts'
import type { Codes } from '../db/codes.ts'
import type { Database } from '../db/database.ts'
import { report } from '../db/statements.ts'
import { cutPage, decodeCursor, type Page } from '../query/cursor-page.ts'
import type { Points } from '../query/point-in-time.ts'
import { madeIn, type TargetScope } from '../query/target-scope.ts'
import {
  classOf,
  type Difference,
  type DriftFilter,
  differencesBetween,
  inOneScope,
  isUntested,
  type Key,
  type Keyset,
  type PointInTime,
  type Side,
  type Tally,
} from './drift-query.ts'
import { countDrift, type DriftSeriesFilter } from './drift-series.ts'
import { type FlapRate, flapRates } from './flapping.ts'

export type { DriftFilter, PointInTime } from './drift-query.ts'

type ShownState = ReturnType<typeof showOutcome>

export interface DriftItem {
  /** The series; survives a rename of its target. */
  fingerprint: string
  class: DriftClass
  cause: DriftCause
  significance: Significance
  target: string
  policy: string
  rule: string
  vantage: string
  /** When the state on the later side was first seen. */
  at: string
  before: ShownState | null
  after: ShownState | null
  changes: (FieldChange & { significance: Significance })[]
  /** The rate of recent changes, if it flaps. */
  flapping: FlapRate | null
}

export interface Drift {
  summary: Record<DriftClass, number>
  /** A page of the items, in the order of targets and series, which never changes, with their facts. */
  page(options: { cursor?: string; limit: number }): Promise<Page<DriftItem>>
}

/** Drift, read from spans, findings and baselines. */
export function createDriftStore(db: Database, { codes, targetScope }: { codes: Codes; targetScope: TargetScope }) {
  const stateOf = (side: Side, evidence: unknown): SeriesState => ({
    result: codes.result.wordOf(side.result),
    state: codes.state.wordOf(side.state),
    reason: codes.reason.wordOf(side.reason_id),
    evidence,
    policyVersion: side.policy_version ?? 0,
  })

  return {
    /** Undefined for an unknown audit. */
    async pointInTimeOf(auditId: string): Promise<{ point: PointInTime; at: Date } | undefined> {
      const row = await db.audit.findFirst({
        where: { id: auditId, ...madeIn(targetScope) },
        select: {
          observedUntil: true,
          finishedAt: true,
          createdAt: true,
          startedAt: true,
          status: true,
          vantages: true,
          rules: true,
        },
      })
      if (!row) return undefined
      // Without a start it was never planned, so it checked nothing.
      const ended = (row.status === 'completed' || row.status === 'canceled') && row.startedAt !== null
      const chosen = row.vantages.length > 0 || row.rules.length > 0
      const tested = ended ? (chosen ? 'chosen' : 'all') : 'unknown'
      const at = row.observedUntil ?? row.finishedAt ?? row.createdAt
      const kept = row.observedUntil === null || (await areFindingsKept(db, auditId))
      // Retention has dropped its findings: what spans say of that time is what it found.
      return { point: kept ? { auditId, tested } : { time: at, within: auditId }, at }
    },

    /** The differences of each class between each two points that follow each other, as `compare` has them. */
    series: (points: Points, filter: DriftSeriesFilter) => countDrift(db, points, { filter, targetScope }),

    /** Compares two points in time by ids alone, so that counting is cheap; the facts are read for the page that is shown. */
    async compare(
      from: PointInTime,
      to: PointInTime,
      { cause, significance, ...filter }: JudgedFilter = {},
    ): Promise<Drift> {
      const sides = { ...inOneScope(from, to), targetScope }
      const reader = (page: Keyset) => report<Difference>(db)`${differencesBetween(sides, filter, page)}`
      if (cause || significance) return judged(reader, { cause, significance })
      const first = await reader({ limit: firstRead })
      const rowsOf = async ({ after, limit }: Keyset) =>
        !after && limit <= firstRead ? first.slice(0, limit) : reader({ after, limit })
      return {
        summary: summaryOf(first[0]?.tallies ?? []),
        page: async ({ cursor, limit }) =>
          toPage(await rowsOf({ after: decodeCursor(cursor, [0, 0]), limit: limit + 1 }), limit),
      }
    },
  }

  /** Causes and significances follow from facts, so the facts of all differences are read, some at a time. */
  async function judged(read: Reader, wanted: Pick<JudgedFilter, 'cause' | 'significance'>): Promise<Drift> {
    const kept: Difference[] = []
    const summary = summaryOf([])
    let after: Key | undefined
    do {
      const rows = await read({ after, limit: judgedTogether })
      const facts = await factsOf(rows)
      for (const row of rows) {
        const { class: kind, cause, significance } = toItem(row, { facts, flapping: new Map(), stateOf })
        if ((wanted.cause ?? cause) !== cause || (wanted.significance ?? significance) !== significance) continue
        summary[kind] += 1
        kept.push({ ...row, tallies: [] })
      }
      after = rows.length < judgedTogether ? undefined : rows.slice(-1).map(keyOf)[0]
    } while (after)
    return {
      summary,
      page: async ({ cursor, limit }) => {
        const [target, series] = decodeCursor(cursor, [0, 0]) ?? [0, 0]
        const isLater = ({ targetId, seriesId }: Difference) =>
          targetId > target || (targetId === target && seriesId > series)
        const start = kept.findIndex(isLater)
        return toPage(start < 0 ? [] : kept.slice(start, start + limit + 1), limit)
      },
    }
  }

  function factsOf(rows: readonly Difference[]): Promise<Map<number, Evidence>> {
    const ids = rows.flatMap(({ before, after }) => [before?.evidence_id ?? 0, after?.evidence_id ?? 0])
    return readEvidence({ db, codes }, ids)
  }

  async function toPage(rows: readonly Difference[], limit: number): Promise<Page<DriftItem>> {
    const facts = await factsOf(rows)
    const flapping = await flapRates(db, rows)
    const itemOf = (row: Difference) => toItem(row, { facts, flapping, stateOf })
    return cutPage(rows, limit, { keyOf, toItem: itemOf })
  }
}

/** With what follows from facts. */
export interface JudgedFilter extends DriftFilter {
  cause?: DriftCause | undefined
  significance?: Significance | undefined
}

type Reader = (page: Keyset) => Promise<Difference[]>

/** Differences whose facts are in memory at one time. */
const judgedTogether = 2_000

/** Differences that come with the counts: a default page, and one more that shows whether others follow. */
const firstRead = 101

const keyOf = ({ targetId, seriesId }: Difference): Key => [targetId, seriesId]

interface Reading {
  facts: ReadonlyMap<number, Evidence>
  flapping: ReadonlyMap<number, FlapRate>
  stateOf: (side: Side, evidence: unknown) => SeriesState
}

function toItem(row: Difference, { facts, flapping, stateOf }: Reading): DriftItem {
  const withFacts = (side: Side | null) => (side ? stateOf(side, facts.get(side.evidence_id) ?? null) : undefined)
  const before = withFacts(row.before)
  const after = withFacts(row.after)
  // A side that is not there differs in everything: listing that would say nothing.
  const changes = before && after ? compareFields(before, after) : []
  const kind = classOf(row.transition)
  return {
    class: kind,
    cause: causeOf(before, after, { untested: isUntested(row.transition) }),
    significance: significanceOfDrift(kind, { before, after, changes }),
    fingerprint: row.fingerprint,
    target: row.target,
    policy: row.policy,
    rule: row.rule,
    vantage: row.vantage,
    at: row.at.toISOString(),
    before: before ? showOutcome(before) : null,
    after: after ? showOutcome(after) : null,
    changes: changes.map((change) => ({ ...change, significance: significanceOf(change) })),
    flapping: flapping.get(row.seriesId) ?? null,
  }
}

async function readEvidence(
  { db, codes }: { db: Database; codes: Codes },
  ids: readonly number[],
): Promise<Map<number, Evidence>> {
  const rows = await db.evidence.findMany({
    where: { id: { in: [...new Set(ids)] } },
    select: { id: true, content: true },
  })
  return new Map(rows.map(({ id, content }) => [id, codes.evidence.fromStored(content as unknown as Evidence)]))
}

function summaryOf(tallies: readonly Tally[]): Record<DriftClass, number> {
  const summary = Object.fromEntries(driftClasses.map((kind) => [kind, 0])) as Record<DriftClass, number>
  for (const { transition, count } of tallies) summary[classOf(transition)] += count
  return summary
}
