import type { VantageData } from '../../domain/webhooks/events.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { Presence } from '../../store/inventory/vantages.ts'
import { publish } from '../events/publish.ts'

/** Publishes which vantages became absent or returned since the last call, in the caller's transaction. */
export async function publishPresence(tx: Stores): Promise<void> {
  const absent = await tx.vantages.markAbsent()
  const returned = await tx.vantages.markReturned()
  await publish(tx, [
    ...absent.map((vantage) => ({ type: 'vantage.absent' as const, subject: vantage.name, data: show(vantage) })),
    ...returned.map((vantage) => ({ type: 'vantage.returned' as const, subject: vantage.name, data: show(vantage) })),
  ])
}

const show = ({ lastSeenAt, ...vantage }: Presence): VantageData => ({
  vantage: { ...vantage, lastSeenAt: lastSeenAt.toISOString() },
})
