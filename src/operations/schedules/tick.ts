import { QuotaError, RefusedError, type ValidationIssue } from '../../domain/errors.ts'
import { decideTicks, hasFiveFields, isTimeZone, jitterMs, type TickDecision } from '../../domain/schedules.ts'
import type { Database } from '../../store/db/database.ts'
import type { Stores, Transact } from '../../store/db/stores.ts'
import type { ScheduleInput, ScheduleRun, StoredSchedule } from '../../store/inventory/schedules.ts'
import { type AcceptParts, acceptAudit, type Order } from '../audits/accept.ts'
import { checkRequest } from '../audits/resolve-request.ts'
import { recordRuns, recordWaitingRun } from './record-runs.ts'

interface SchedulerParts extends AcceptParts {
  stores: Stores
  /** What whoever made a schedule may have under way. */
  quota: Order['quota']
  /** The ticks of a cron expression strictly after a moment; throws an Error for an expression that it cannot read. */
  nextTicks(cron: string, timeZone: string, after: { from: Date; count: number }): Date[]
}

export type Scheduler = ReturnType<typeof createScheduler>

/**
 * Turns ticks into audits. Each tick is a row with what became of it, written in the transaction that asks for its audit
 * and moves its schedule on: so there is one audit for a tick, whoever takes it and however often.
 */
export function createScheduler(parts: SchedulerParts) {
  /** Decides what is due of one schedule; true where more is due. */
  const tickOnce = (id: number, now: Date): Promise<boolean> =>
    parts.transaction(async (stores, tx) => {
      const schedule = await stores.schedules.lock(id)
      if (!schedule) return false
      const take = tickTaker(parts, { stores, tx, schedule, now })
      await take.waiting()
      if (!schedule.nextAt || schedule.nextAt > now) return false
      const { due, next } = dueTicks(parts, schedule, now)
      const decided = await stores.schedules.decided(id, due)
      const open = due.filter((tick) => !decided.has(tick.getTime()))
      // While more is due than one transaction takes, the last of these is not the last of all: nothing is made good by it.
      const policy = next <= now ? 'skip' : schedule.missed
      const decisions = decideTicks(open, { now, missed: policy })
      await take.missed(decisions.filter(({ kind }) => kind === 'missed'))
      for (const decision of decisions.filter(({ kind }) => kind !== 'missed')) await take.due(decision)
      await stores.schedules.setNext(id, next)
      return next <= now
    })

  /** Decides about every tick of a schedule up to now. */
  const settle = async (id: number, now: Date): Promise<void> => {
    while (await tickOnce(id, now)) {} // each turn moves the schedule on by a page of ticks
  }

  return {
    settle,

    /** Decides about every tick that is due. One schedule in trouble does not hold up the others; its error comes last. */
    async tick(now: Date): Promise<void> {
      const ids = await parts.stores.schedules.dueIds(now)
      const settled = await Promise.allSettled(ids.map((id) => settle(id, now)))
      const failed = settled.find((one) => one.status === 'rejected')
      if (failed) throw failed.reason
    },

    /** The ticks that follow a moment. */
    next: ({ cron, timeZone }: Pick<ScheduleInput, 'cron' | 'timeZone'>, from: Date, count: number): Date[] =>
      parts.nextTicks(cron, timeZone, { from, count }),

    /** Checks a schedule as it will be read at each tick; throws RefusedError with every mistake. */
    async check(stores: Stores, input: ScheduleInput, now: Date): Promise<void> {
      const issues: ValidationIssue[] = [...checkTimes(parts, input, now)]
      try {
        await checkRequest(stores, input.audit)
      } catch (error) {
        if (!(error instanceof RefusedError)) throw error
        issues.push(...error.issues.map(({ pointer, message }) => ({ pointer: `/audit${pointer}`, message })))
      }
      if (issues.length > 0) throw new RefusedError(issues)
    },
  }
}

function checkTimes({ nextTicks }: SchedulerParts, { cron, timeZone }: ScheduleInput, now: Date): ValidationIssue[] {
  if (!isTimeZone(timeZone))
    return [{ pointer: '/timeZone', message: 'must be a time zone of the IANA database, such as Europe/Berlin' }]
  const readable = 'must be five fields of cron, without seconds: minute, hour, day, month, day of the week'
  if (!hasFiveFields(cron)) return [{ pointer: '/cron', message: readable }]
  try {
    nextTicks(cron, timeZone, { from: now, count: 1 })
    return []
  } catch (error) {
    return [{ pointer: '/cron', message: `${readable}: ${error instanceof Error ? error.message : error}` }]
  }
}

const fewTicks = 5
const manyTicks = 500

/** A page of the ticks that are due, and the one after them. */
function dueTicks(
  { nextTicks }: SchedulerParts,
  { cron, timeZone, nextAt }: StoredSchedule,
  now: Date,
): { due: Date[]; next: Date } {
  const first = nextAt ?? now
  const after = (count: number) => [first, ...nextTicks(cron, timeZone, { from: first, count })]
  const few = after(fewTicks)
  const ticks = few.every((tick) => tick <= now) ? after(manyTicks) : few
  const next = ticks.find((tick) => tick > now) ?? ticks.at(-1) ?? first
  return { due: ticks.filter((tick) => tick < next), next }
}

interface Taking {
  stores: Stores
  tx: Database
  schedule: StoredSchedule
  now: Date
}

/** Takes ticks of one schedule within a transaction. */
function tickTaker(parts: SchedulerParts, { stores, tx, schedule, now }: Taking) {
  const run = (dueAt: Date, more: Partial<ScheduleRun> & Pick<ScheduleRun, 'outcome'>): ScheduleRun => ({
    dueAt,
    reason: null,
    auditId: null,
    decidedAt: now,
    ...more,
  })

  const ask = async (dueAt: Date, outcome: 'audit' | 'caught-up'): Promise<ScheduleRun> => {
    const wanted = new Date(dueAt.getTime() + jitterMs(schedule.name, dueAt, schedule.jitterSeconds))
    const startsAt = wanted > now ? wanted : undefined // a tick that is made good, or has waited, has its deadline from now
    const own = stores.within(schedule.targetScope)
    const transaction: Transact = (work) => work(own, tx)
    const { requestedBy } = schedule
    const order = { trigger: `schedule:${schedule.name}`, requestedBy, quota: parts.quota, now, startsAt }
    try {
      const { auditId } = await acceptAudit({ ...parts, transaction }, schedule.audit, order)
      return run(dueAt, { outcome, auditId })
    } catch (error) {
      const refused = (reason: string) => run(dueAt, { outcome: 'refused', reason })
      if (error instanceof QuotaError) return refused(error.message)
      if (error instanceof RefusedError) return refused(error.issues.map(({ message }) => message).join('; '))
      throw error
    }
  }

  return {
    /** Takes the tick that waits, if what it waits for has ended. */
    async waiting(): Promise<void> {
      const { auditId, waiting } = await stores.schedules.ongoing(schedule.id)
      if (waiting && !auditId) await recordWaitingRun(stores, schedule, await ask(waiting, 'audit'))
    },

    missed: (ticks: readonly TickDecision[]) =>
      recordRuns(
        stores,
        schedule,
        ticks.map(({ dueAt }) => run(dueAt, { outcome: 'missed', reason: 'the service was down' })),
      ),

    async due({ dueAt, kind }: TickDecision): Promise<void> {
      const { auditId, waiting } = await stores.schedules.ongoing(schedule.id)
      const going = `audit ${auditId} of an earlier tick was still going`
      const taken =
        !auditId && !waiting
          ? await ask(dueAt, kind === 'run' ? 'audit' : 'caught-up')
          : waiting
            ? run(dueAt, { outcome: 'skipped', reason: 'an earlier tick waits for an audit to end' })
            : run(dueAt, { outcome: schedule.overlap === 'queue' ? 'waiting' : 'skipped', reason: going })
      await recordRuns(stores, schedule, [taken])
    },
  }
}
