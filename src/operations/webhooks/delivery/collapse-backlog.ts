import { survivorOf } from '../../../domain/webhooks/alerts.ts'
import type { Stores } from '../../../store/db/stores.ts'

/**
 * After a receiver was down, or its webhook was paused, it gets one state of each finding, vantage, window and schedule. Nothing of
 * these is under way meanwhile.
 */
export async function collapseBacklog({ alerts }: Stores, webhookId: string): Promise<void> {
  const backlog = await alerts.backlog(webhookId)
  const superseded = [...Map.groupBy(backlog, ({ subject }) => subject).values()].flatMap((states) => {
    const survivor = survivorOf(states)
    return states.filter((state) => state !== survivor).map(({ id }) => id)
  })
  if (superseded.length > 0) await alerts.supersede(superseded)
}
