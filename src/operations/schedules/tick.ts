import { QuotaError, RefusedError } from '../../domain/errors.ts'
import { decideTicks, jitterMs, type TickDecision } from '../../domain/schedules.ts'
import type { Database } from '../../store/db/database.ts'
import type { Stores, Transact } from '../../store/db/stores.ts'
import type { ScheduleInput, ScheduleRun, StoredSchedule } from '../../store/inventory/schedules.ts'
import { type AcceptParts, acceptAudit, type Order } from '../audits/accept.ts'
import type { View } from '../context.ts'
import { checkSchedule, type NextTicks, previewTicks } from './check.ts'
import { recordRuns, recordWaitingRun } from './record-runs.ts'

interface SchedulerParts extends AcceptParts, Pick<View, 'now'> {
  stores: Stores
  /** Limits the audits of the requester of a schedule. */
  quota: Order['quota']
  nextTicks: NextTicks
}

export type Scheduler = ReturnType<typeof createScheduler>

/**
 * Turns ticks into audits. Each tick is a row with its outcome, written in the transaction that accepts its audit and moves its
 * schedule on: so a tick has one audit, however many processes take it and however often.
 */
export function createScheduler(parts: SchedulerParts) {
  /** Decides a page of due ticks; true when more are due. */
  const tickOnce = (id: number, now: Date): Promise<boolean> =>
    parts.transaction(async (stores, tx) => {
      const schedule = await stores.schedules.lock(id)
      if (!schedule) return false
      const taking = { stores, tx, schedule, now }
      await takeWaiting(parts, taking)
      if (!schedule.nextAt || schedule.nextAt > now) return false
      const { due, next } = dueTicks(parts, schedule, now)
      const decided = await stores.schedules.decided(id, due)
      const open = due.filter((tick) => !decided.has(tick.getTime()))
      // Only the last tick of the last page may catch up for those that were missed.
      const policy = next <= now ? 'skip' : schedule.missed
      const decisions = decideTicks(open, { now, missed: policy })
      const missed = decisions.filter(({ kind }) => kind === 'missed')
      await recordRuns(
        stores,
        schedule,
        missed.map(({ dueAt }) => runOf(taking, dueAt, { outcome: 'missed', reason: 'the service was down' })),
      )
      for (const decision of decisions.filter(({ kind }) => kind !== 'missed')) await takeDue(parts, taking, decision)
      await stores.schedules.setNext(id, next)
      return next <= now
    })

  /** Decides every tick of a schedule up to now. */
  const settle = async (id: number, now: Date): Promise<void> => {
    while (await tickOnce(id, now)) {} // each turn decides one page of ticks
  }

  return {
    now: parts.now,
    settle,

    /** Decides every due tick. A schedule that fails does not hold up the others; its error is thrown last. */
    async tick(now: Date): Promise<void> {
      const ids = await parts.stores.schedules.dueIds(now)
      const settled = await Promise.allSettled(ids.map((id) => settle(id, now)))
      const failed = settled.find((one) => one.status === 'rejected')
      if (failed) throw failed.reason
    },

    /** The ticks after a point in time. */
    next: ({ cron, timeZone }: Pick<ScheduleInput, 'cron' | 'timeZone'>, from: Date, count: number): Date[] =>
      parts.nextTicks(cron, timeZone, { from, count }),

    /** The next ticks of a schedule to be; throws RefusedError. */
    preview: (input: Parameters<typeof previewTicks>[1]): Date[] => previewTicks(parts.nextTicks, input, parts.now()),

    check: (stores: Stores, input: ScheduleInput, now: Date): Promise<void> =>
      checkSchedule(stores, input, { now, nextTicks: parts.nextTicks }),
  }
}

const fewTicks = 5
const manyTicks = 500

/** The due ticks of a page, and the next tick. */
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

/** One schedule, locked in a transaction. */
interface Taking {
  stores: Stores
  tx: Database
  schedule: StoredSchedule
  now: Date
}

const runOf = (
  { now }: Taking,
  dueAt: Date,
  more: Partial<ScheduleRun> & Pick<ScheduleRun, 'outcome'>,
): ScheduleRun => ({
  dueAt,
  reason: null,
  auditId: null,
  decidedAt: now,
  ...more,
})

/** Takes a waiting tick when the earlier audit has ended. */
async function takeWaiting(parts: SchedulerParts, taking: Taking): Promise<void> {
  const { stores, schedule } = taking
  const { auditId, waiting } = await stores.schedules.ongoing(schedule.id)
  if (waiting && !auditId) await recordWaitingRun(stores, schedule, await acceptTick(parts, taking, waiting, 'audit'))
}

async function takeDue(parts: SchedulerParts, taking: Taking, { dueAt, kind }: TickDecision): Promise<void> {
  const { stores, schedule } = taking
  const { auditId, waiting } = await stores.schedules.ongoing(schedule.id)
  const reason = `audit ${auditId} of an earlier tick was still going`
  const run =
    !auditId && !waiting
      ? await acceptTick(parts, taking, dueAt, kind === 'run' ? 'audit' : 'caught-up')
      : waiting
        ? runOf(taking, dueAt, { outcome: 'skipped', reason: 'an earlier tick waits for an audit to end' })
        : runOf(taking, dueAt, { outcome: schedule.overlap === 'queue' ? 'waiting' : 'skipped', reason })
  await recordRuns(stores, schedule, [run])
}

/** Why the requester of a schedule may request no audits any more. Tokens of an issuer are not known here. */
async function whyInvalid(stores: Stores, requestedBy: string, now: Date): Promise<string | undefined> {
  const key = await stores.keys.find(requestedBy)
  const isExpired = key?.expiresAt && new Date(key.expiresAt) <= now
  if (!key?.revokedAt && !isExpired) return undefined
  const what = key.revokedAt ? 'was revoked' : 'has expired'
  return `the key ${requestedBy}, which changed the schedule last, ${what}: change the schedule with another key`
}

/** Accepts the audit of a tick; a refusal is an outcome. */
async function acceptTick(
  parts: SchedulerParts,
  taking: Taking,
  dueAt: Date,
  outcome: 'audit' | 'caught-up',
): Promise<ScheduleRun> {
  const { stores, tx, schedule, now } = taking
  const jittered = new Date(dueAt.getTime() + jitterMs(schedule.name, dueAt, schedule.jitterSeconds))
  const startsAt = jittered > now ? jittered : undefined // the deadline of a late tick counts from now
  const own = stores.within(schedule.targetScope)
  const transaction: Transact = (work) => work(own, tx)
  const { requestedBy } = schedule
  const invalid = await whyInvalid(stores, requestedBy, now)
  if (invalid) return runOf(taking, dueAt, { outcome: 'refused', reason: invalid })
  const order = { trigger: `schedule:${schedule.name}`, requestedBy, quota: parts.quota, now, startsAt }
  try {
    const { auditId } = await acceptAudit({ ...parts, transaction }, schedule.audit, order)
    return runOf(taking, dueAt, { outcome, auditId })
  } catch (error) {
    if (error instanceof QuotaError) return runOf(taking, dueAt, { outcome: 'refused', reason: error.message })
    if (!(error instanceof RefusedError)) throw error
    const reason = error.issues.map(({ message }) => message).join('; ')
    return runOf(taking, dueAt, { outcome: 'refused', reason })
  }
}
