import type { MissedPolicy, OverlapPolicy, RunOutcome } from '../../domain/schedules.ts'
import { timeOfChange } from '../db/clock.ts'
import { type Database, Prisma } from '../db/database.ts'
import { prepared, report } from '../db/statements.ts'
import type { Schedule as Row, ScheduleRun as RunRow } from '../generated/client.ts'
import { andAll } from '../query/conditions.ts'
import { aTime, cutPage, decodeCursor, type Page, type PageRequest } from '../query/cursor-page.ts'
import type { Period } from '../query/period.ts'
import type { Selection } from '../query/selection.ts'
import { andHas, limitedSql, madeIn, type TargetScope } from '../query/target-scope.ts'

/** The audit request of each tick. */
export interface AuditTemplate {
  policy: string
  targets: Selection
  params?: Record<string, unknown>
  vantages?: string[]
  reason?: string
}

export interface ScheduleInput {
  name: string
  cron: string
  timeZone: string
  audit: AuditTemplate
  jitterSeconds: number
  overlap: OverlapPolicy
  missed: MissedPolicy
  enabled: boolean
}

export interface StoredSchedule extends ScheduleInput {
  id: number
  version: number
  requestedBy: string
  /** Its audits include targets within this scope only. */
  targetScope: TargetScope
  nextAt: Date | null
  createdAt: string
  updatedAt: string
}

/** What became of one tick. */
export interface ScheduleRun {
  dueAt: Date
  outcome: RunOutcome
  reason: string | null
  auditId: string | null
  decidedAt: Date
}

/** A tick of any schedule; `decidedAt` is null for one that is overdue, because no worker has taken it yet. */
export interface Run extends Omit<ScheduleRun, 'decidedAt'> {
  schedule: string
  policy: string
  decidedAt: Date | null
}

interface RunQuery extends Period, PageRequest {
  schedule?: string
  outcome?: RunOutcome
  /** Undecided ticks from before are `missed`. */
  overdueAt: Date
}

/** A tick that had no audit. */
interface MissedRun {
  schedule: string
  policy: string
  dueAt: string
  outcome: RunOutcome
  reason: string | null
}

/** Schedules and their ticks. */
export function createScheduleStore(db: Database, targetScope: TargetScope) {
  return {
    async find(name: string): Promise<StoredSchedule | undefined> {
      const row = await db.schedule.findFirst({ where: { name, ...madeIn(targetScope) } })
      return row ? fromRow(row) : undefined
    },

    async list({ cursor, limit }: { cursor?: string; limit: number }): Promise<Page<StoredSchedule>> {
      const [after = ''] = decodeCursor(cursor, ['']) ?? []
      const rows = await db.schedule.findMany({
        where: { name: { gt: after }, ...madeIn(targetScope) },
        orderBy: { name: 'asc' },
        take: limit + 1,
      })
      return cutPage(rows, limit, { keyOf: (row) => [row.name], toItem: fromRow })
    },

    /** The names of the schedules whose audits name a vantage. */
    async namesWith(vantage: string): Promise<string[]> {
      const rows = await prepared<{ name: string }>(db)`
        SELECT name FROM schedule WHERE audit -> 'vantages' @> to_jsonb(${vantage}::text) ORDER BY name`
      return rows.map(({ name }) => name)
    },

    /** Creates the schedule, or undefined where the name is taken. */
    async create(input: ScheduleInput, more: { requestedBy: string; nextAt: Date | null }) {
      const data = { ...toRow(input), ...more, targetScope }
      const [made] = await db.schedule.createManyAndReturn({ data, skipDuplicates: true })
      return made && fromRow(made)
    },

    /** Writes all fields of the schedule, if `version` is still the current one; undefined where it is not. */
    async replace(
      id: number,
      input: ScheduleInput,
      more: { requestedBy: string; nextAt: Date | null; version?: number },
    ) {
      const { version, ...rest } = more
      const data = { ...toRow(input), ...rest, updatedAt: await timeOfChange(db), version: { increment: 1 } }
      const where = { id, ...madeIn(targetScope), ...(version === undefined ? {} : { version }) }
      const [row] = await db.schedule.updateManyAndReturn({ where, data })
      return row && fromRow(row)
    },

    /** Pauses the schedules that the requester changed last, and returns them. */
    async pauseOf(requestedBy: string): Promise<StoredSchedule[]> {
      const where = { requestedBy, enabled: true, ...madeIn(targetScope) }
      const data = { enabled: false, nextAt: null, updatedAt: await timeOfChange(db), version: { increment: 1 } }
      return (await db.schedule.updateManyAndReturn({ where, data })).map(fromRow)
    },

    /** Forgets the schedule; what became of its ticks stays. */
    async remove(id: number): Promise<void> {
      await db.schedule.deleteMany({ where: { id, ...madeIn(targetScope) } })
    },

    /** Schedules with a due or a waiting tick. */
    async dueIds(now: Date): Promise<number[]> {
      const rows = await prepared<{ id: number }>(db)`
        SELECT id FROM schedule s WHERE next_at <= ${now}
          OR EXISTS (SELECT FROM schedule_run r WHERE r.schedule_id = s.id AND r.outcome = 'waiting') ORDER BY id`
      return rows.map(({ id }) => id)
    },

    /** Delay of the oldest undecided tick; 0 without one. */
    async lagSeconds(now: Date): Promise<number> {
      const { _min } = await db.schedule.aggregate({ _min: { nextAt: true } })
      return _min.nextAt ? Math.max(0, (now.getTime() - _min.nextAt.getTime()) / 1000) : 0
    },

    /** The schedule, locked until the transaction ends; undefined where it is gone or another process has it. */
    async lock(id: number): Promise<StoredSchedule | undefined> {
      const found = await prepared<object>(db)`SELECT id FROM schedule WHERE id = ${id} FOR UPDATE SKIP LOCKED`
      return found.length === 0 ? undefined : fromRow(await db.schedule.findUniqueOrThrow({ where: { id } }))
    },

    async setNext(id: number, nextAt: Date): Promise<void> {
      await db.schedule.update({ where: { id }, data: { nextAt } })
    },

    /** Those of the ticks that have been decided before. */
    async decided(id: number, due: readonly Date[]): Promise<Set<number>> {
      const rows = await db.scheduleRun.findMany({ where: { scheduleId: id, dueAt: { in: [...due] } } })
      return new Set(rows.map(({ dueAt }) => dueAt.getTime()))
    },

    async addRuns(schedule: StoredSchedule, runs: readonly ScheduleRun[]): Promise<void> {
      const { id, name, audit, targetScope: of } = schedule
      const row = { scheduleId: id, schedule: name, policy: policyName(audit), targetScope: of }
      await db.scheduleRun.createMany({ data: runs.map((run) => ({ ...row, ...run })) })
    },

    async updateRun(schedule: StoredSchedule, run: ScheduleRun): Promise<void> {
      const where = { scheduleId_dueAt: { scheduleId: schedule.id, dueAt: run.dueAt } }
      await db.scheduleRun.update({ where, data: run })
    },

    /** The outcome of the newest other decided tick. */
    async lastOutcome(id: number, { except }: { except?: Date } = {}): Promise<RunOutcome | undefined> {
      const where = { scheduleId: id, outcome: { not: 'waiting' }, ...(except && { dueAt: { not: except } }) }
      const last = await db.scheduleRun.findFirst({ where, orderBy: { dueAt: 'desc' } })
      return last?.outcome as RunOutcome | undefined
    },

    /** The audit of an earlier tick that has not ended, and the tick that waits for it. */
    async ongoing(id: number): Promise<{ auditId: string | undefined; waiting: Date | undefined }> {
      const [audit] = await prepared<{ id: string }>(db)`
        SELECT a.id FROM schedule_run r JOIN audit a ON a.id = r.audit_id
        WHERE r.schedule_id = ${id} AND a.status IN ('queued', 'running') ORDER BY r.due_at DESC LIMIT 1`
      const waiting = await db.scheduleRun.findFirst({ where: { scheduleId: id, outcome: 'waiting' } })
      return { auditId: audit?.id, waiting: waiting?.dueAt }
    },

    /** The ticks of a schedule, newest first. */
    async runs(id: number, { cursor, limit }: { cursor?: string; limit: number }): Promise<Page<ScheduleRun>> {
      const [before] = decodeCursor(cursor, [aTime]) ?? []
      const rows = await db.scheduleRun.findMany({
        where: {
          scheduleId: id,
          ...madeIn(targetScope),
          ...(before === undefined ? {} : { dueAt: { lt: new Date(before) } }),
        },
        orderBy: { dueAt: 'desc' },
        take: limit + 1,
      })
      return cutPage(rows, limit, { keyOf: (row) => [row.dueAt.toISOString()], toItem: runFromRow })
    },

    /** The ticks of all schedules, newest first, those of deleted schedules too. */
    async allRuns({ schedule, outcome, overdueAt, cursor, limit, ...period }: RunQuery): Promise<Page<Run>> {
      const [before, id] = decodeCursor(cursor, [aTime, 0]) ?? ['infinity', 0]
      const rows = await report<Run & { id: number }>(db)`
        SELECT * FROM (${ticks(overdueAt)}) x WHERE ("dueAt", id) < (${before}::timestamptz, ${id}) ${andHas(targetScope, 'target_scope')}
          ${andAll([
            schedule !== undefined && Prisma.sql`schedule = ${schedule}`,
            outcome !== undefined && Prisma.sql`outcome = ${outcome}`,
            period.from && Prisma.sql`"dueAt" >= ${period.from}`,
            period.to && Prisma.sql`"dueAt" < ${period.to}`,
          ])}
        ORDER BY "dueAt" DESC, id DESC LIMIT ${limit + 1}`
      return cutPage(rows, limit, { keyOf: (row) => [row.dueAt.toISOString(), row.id], toItem: toRun })
    },

    /**
     * The ticks between two points in time that had no audit, oldest first, those of deleted schedules too; of very many the newest,
     * and how many there are. Undecided ticks from before `overdueAt` are included: the process that takes
     * ticks is down now.
     */
    async missedRuns(
      period: { from: Date; to: Date; overdueAt: Date },
      policy?: string,
    ): Promise<{ total: number; newest: MissedRun[] }> {
      const of = limitedSql`${policy === undefined ? Prisma.empty : Prisma.sql`AND policy = ${policy}`} ${andHas(targetScope, 'target_scope')}`
      const rows = await report<Omit<MissedRun, 'dueAt'> & { dueAt: Date; total: number }>(db)`
        SELECT schedule, policy, "dueAt", outcome, reason, count(*) OVER ()::int AS total FROM (${ticks(period.overdueAt)}) x
        WHERE "dueAt" > ${period.from} AND "dueAt" <= ${period.to} AND outcome IN ('skipped', 'missed', 'refused') ${of}
        ORDER BY "dueAt" DESC, schedule DESC LIMIT ${maxMissedRuns}`
      const newest = rows.map(({ total: _, dueAt, ...run }) => ({ ...run, dueAt: dueAt.toISOString() })).toReversed()
      return { total: rows[0]?.total ?? 0, newest }
    },
  }
}

const notTaken = 'no worker has taken it yet'

/** The ticks of all schedules, with those that are overdue. */
const ticks = (overdueAt: Date) => Prisma.sql`
  SELECT schedule_id AS id, schedule, policy, due_at AS "dueAt", outcome, reason, audit_id::text AS "auditId", decided_at AS "decidedAt", target_scope
  FROM schedule_run
  UNION ALL
  SELECT id, name, policy, next_at, 'missed', ${notTaken}, NULL, NULL, target_scope FROM schedule WHERE next_at < ${overdueAt}`

const maxMissedRuns = 1_000

export const policyName = ({ policy }: AuditTemplate) => policy.split('@')[0] ?? policy

const toRow = ({ audit, ...input }: ScheduleInput) => ({
  ...input,
  audit: audit as unknown as Prisma.InputJsonObject,
  policy: policyName(audit),
})

const fromRow = ({ policy: _, createdAt, updatedAt, ...row }: Row): StoredSchedule => ({
  ...row,
  audit: row.audit as unknown as AuditTemplate,
  targetScope: row.targetScope as TargetScope,
  overlap: row.overlap as OverlapPolicy,
  missed: row.missed as MissedPolicy,
  createdAt: createdAt.toISOString(),
  updatedAt: updatedAt.toISOString(),
})

const toRun = ({ schedule, policy, dueAt, outcome, reason, auditId, decidedAt }: Run): Run => ({
  schedule,
  policy,
  dueAt,
  outcome,
  reason,
  auditId,
  decidedAt,
})

const runFromRow = ({ dueAt, outcome, reason, auditId, decidedAt }: RunRow): ScheduleRun => ({
  dueAt,
  outcome: outcome as RunOutcome,
  reason,
  auditId,
  decidedAt,
})
