import type { View } from '../context.ts'
import { publish } from '../events/publish.ts'
import type { Scheduler } from '../schedules/tick.ts'

/** When digests are due. */
export interface DigestTimes {
  /** Five fields of cron, at most once a day. */
  cron: string
  timeZone: string
}

/** Ticks that are computed after a pause: after a longer one the digest ends at the last of these. */
const mostTicks = 400

/**
 * Publishes the digest that is due, once for all processes: its row and its event share a transaction.
 * After a pause, one digest is about all the time since the last one.
 */
export async function publishDigest(
  { transaction }: Pick<View, 'transaction'>,
  { now, times, nextTicks }: { now: Date; times: DigestTimes; nextTicks: Scheduler['next'] },
): Promise<void> {
  await transaction(async (tx) => {
    const from = await tx.digests.endBefore(now)
    if (from === undefined) {
      await tx.digests.add({ from: now, to: now }) // the first period begins
      return
    }
    const due = nextTicks(times, from, 1)
    if (due.every((tick) => tick > now)) return
    const to = nextTicks(times, from, mostTicks).findLast((tick) => tick <= now)
    if (to === undefined || !(await tx.digests.add({ from, to }))) return
    const data = { from: from.toISOString(), to: to.toISOString() }
    await publish(tx, [{ type: 'digest.daily', subject: data.to, data }])
  })
}
