import { hasNoAudit } from '../../domain/schedules.ts'
import type { Stores } from '../../store/db/stores.ts'
import { policyName, type ScheduleRun, type StoredSchedule } from '../../store/inventory/schedules.ts'
import { publish } from '../events/publish.ts'

/** Records what became of ticks, and publishes those without an audit and the first after them that has one. */
export async function recordRuns(tx: Stores, schedule: StoredSchedule, runs: readonly ScheduleRun[]): Promise<void> {
  await publishRuns(tx, schedule, runs)
  await tx.schedules.addRuns(schedule, runs)
}

/** The same for the tick that has waited. */
export async function recordWaitingRun(tx: Stores, schedule: StoredSchedule, run: ScheduleRun): Promise<void> {
  await publishRuns(tx, schedule, [run])
  await tx.schedules.updateRun(schedule, run)
}

/** Publishes that a schedule which is deleted misses no ticks any more. */
export async function publishDeletion(tx: Stores, { id, name, audit }: StoredSchedule): Promise<void> {
  const last = await tx.schedules.lastOutcome(id)
  if (!last || !hasNoAudit(last)) return
  const data = { schedule: name, policy: policyName(audit), resolution: 'deleted' as const, audit: null, dueAt: null }
  await publish(tx, [{ type: 'schedule.resumed', subject: name, data }])
}

const shownTicks = 100

async function publishRuns(tx: Stores, { id, name, audit }: StoredSchedule, runs: readonly ScheduleRun[]) {
  const about = { schedule: name, policy: policyName(audit) }
  const missed = runs.filter(({ outcome }) => hasNoAudit(outcome))
  if (missed.length > 0) {
    const ticks = missed
      .slice(-shownTicks)
      .map(({ dueAt, outcome, reason }) => ({ dueAt: dueAt.toISOString(), outcome, reason }))
    await publish(tx, [{ type: 'schedule.missed', subject: name, data: { ...about, count: missed.length, ticks } }])
  }
  for (const { dueAt, auditId } of runs) {
    if (auditId === null) continue
    const last = await tx.schedules.lastOutcome(id, { except: dueAt })
    if (!last || !hasNoAudit(last)) return
    const data = { ...about, resolution: 'audit' as const, audit: auditId, dueAt: dueAt.toISOString() }
    return publish(tx, [{ type: 'schedule.resumed', subject: name, data }])
  }
}
