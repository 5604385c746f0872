import type { WaiverState } from '../../domain/exceptions/waivers.ts'
import { type Database, Prisma } from '../db/database.ts'
import { prepared } from '../db/statements.ts'
import type { Waiver as Row } from '../generated/client.ts'
import { aUuid, cutPage, decodeCursor, type Page } from '../query/cursor-page.ts'
import { type Selection, selectionColumns, selectionOf, selects, selectsTarget } from '../query/selection.ts'
import { isTarget, needsTarget } from '../query/series-joins.ts'
import { madeIn, type TargetScope } from '../query/target-scope.ts'
import { findPermissions, type PermissionQuery } from './active-exceptions.ts'

export interface NewWaiver {
  id: string
  policy: string
  rules: string[]
  targets: Selection
  ticket?: string | null
  reason: string
  expiresAt: Date
  requestedBy: string
}

export interface StoredWaiver extends NewWaiver {
  ticket: string | null
  /** It accepts failures of targets within this scope only. */
  targetScope: TargetScope
  approvedBy: string | null
  approvedAt: Date | null
  revokedBy: string | null
  revokedAt: Date | null
  /** Whether the revocation was a rejection of the request. */
  rejected: boolean
  /** What the person said who approved or rejected it. */
  decisionReason: string | null
  createdAt: Date
}

interface WaiverFilter {
  policy?: string
  state?: WaiverState
  rule?: string
  /** The name of a target that it is for. */
  target?: string
  /** The external id of one. */
  externalId?: string
  ticket?: string
  expiresBefore?: Date
  now: Date
  cursor?: string
  limit: number
}

/** Dated acceptances of failing findings. */
export function createWaiverStore(db: Database, targetScope: TargetScope) {
  const made = madeIn(targetScope)
  return {
    async create({ targets, ...waiver }: NewWaiver): Promise<StoredWaiver> {
      return fromRow(await db.waiver.create({ data: { ...waiver, ...selectionColumns(targets), targetScope } }))
    },

    async find(id: string): Promise<StoredWaiver | undefined> {
      const row = await db.waiver.findFirst({ where: { id, ...made } })
      return row ? fromRow(row) : undefined
    },

    /** Newest first; by policy, by what they are for, and by state at a point in time. */
    async list({ now, cursor, limit, ...filter }: WaiverFilter): Promise<Page<StoredWaiver>> {
      const [before] = decodeCursor(cursor, [aUuid]) ?? []
      const { policy, state, rule, ticket, expiresBefore } = filter
      const conditions: Prisma.WaiverWhereInput[] = [
        made,
        ...(before === undefined ? [] : [{ id: { lt: before } }]),
        ...(policy === undefined ? [] : [{ policy }]),
        ...(rule === undefined ? [] : [{ rules: { has: rule } }]),
        ...(ticket === undefined ? [] : [{ ticket }]),
        ...(expiresBefore === undefined ? [] : [{ expiresAt: { lt: expiresBefore } }]),
        ...(needsTarget(filter) ? [{ id: { in: await idsFor(db, filter) } }] : []),
        ...(state === undefined ? [] : [inState(state, now)]),
      ]
      const rows = await db.waiver.findMany({ where: { AND: conditions }, orderBy: { id: 'desc' }, take: limit + 1 })
      return cutPage(rows, limit, { keyOf: (row) => [row.id], toItem: fromRow })
    },

    /** False if it does not wait for approval. */
    async approve(id: string, approvedBy: string, now: Date, reason: string | null = null): Promise<boolean> {
      const where = { id, ...made, ...inState('requested', now) }
      const data = { approvedBy, approvedAt: now, decisionReason: reason }
      return (await db.waiver.updateMany({ where, data })).count > 0
    },

    /** False if it does not wait for approval. */
    async reject(id: string, rejectedBy: string, now: Date, reason: string): Promise<boolean> {
      const where = { id, ...made, ...inState('requested', now) }
      const data = { revokedBy: rejectedBy, revokedAt: now, rejected: true, decisionReason: reason }
      return (await db.waiver.updateMany({ where, data })).count > 0
    },

    /** Takes a waiver back; false where it has ended already. */
    async revoke(id: string, revokedBy: string, now: Date): Promise<boolean> {
      const where = { id, ...made, revokedAt: null, expiresAt: { gt: now } }
      return (await db.waiver.updateMany({ where, data: { revokedBy, revokedAt: now } })).count > 0
    },

    /** Approved waivers for any of these targets and times. */
    permissions: (queries: readonly PermissionQuery[]) =>
      findPermissions(
        db,
        queries,
        Prisma.sql`
        SELECT q.position, x.id, x.rules, t.id AS "targetId", x.approved_at AS from, least(x.expires_at, x.revoked_at) AS until
        FROM query q JOIN target t ON t.id = q.target_id JOIN waiver x ON x.policy = q.policy AND ${selectsTarget}
        WHERE x.approved_at <= q.until AND x.expires_at > q.from`,
      ),
  }
}

async function idsFor(db: Database, filter: Pick<WaiverFilter, 'target' | 'externalId'>): Promise<string[]> {
  const rows = await prepared<{ id: string }>(db)`
    SELECT x.id FROM waiver x JOIN target t ON ${selectsTarget} WHERE true ${isTarget(filter)}`
  return rows.map(({ id }) => id)
}

/** How waivers stand, as waiverState() says it. */
function inState(state: WaiverState, now: Date): Prisma.WaiverWhereInput {
  if (state === 'revoked' || state === 'rejected') return { revokedAt: { not: null }, rejected: state === 'rejected' }
  if (state === 'expired') return { revokedAt: null, expiresAt: { lte: now } }
  return { revokedAt: null, expiresAt: { gt: now }, approvedAt: state === 'active' ? { not: null } : null }
}

const fromRow = ({ targetNames, targetExternalIds, targetLabels, targetScope, ...row }: Row): StoredWaiver => ({
  ...row,
  targetScope: targetScope as TargetScope,
  targets: selectionOf({ targetNames, targetExternalIds, targetLabels }),
})

/** Whether the finding of the span `x` and the rule `r` is waived at a point in time. */
export const waivedAt = (at: Date): Prisma.Sql => Prisma.sql`EXISTS (
  SELECT FROM waiver w JOIN target wt ON ${selects('w', 'wt')}
  WHERE w.policy = r.policy AND r.name = ANY(w.rules) AND w.approved_at <= ${at} AND w.expires_at > ${at}
    AND (w.revoked_at IS NULL OR w.revoked_at > ${at}) AND wt.id = x.target_id)`
