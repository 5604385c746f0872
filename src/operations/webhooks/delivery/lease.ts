import { randomUUID } from 'node:crypto'
import type { Stores } from '../../../store/db/stores.ts'

interface Lease {
  /** False as soon as another process may have it: a process that was stopped for a while must not send. */
  isHeld(): boolean
  release(): Promise<void>
}

const leaseSeconds = 15

/** Takes the right to deliver to a webhook and keeps it until the release; undefined where another process has it. */
export async function takeLease({ webhooks }: Stores, webhookId: string): Promise<Lease | undefined> {
  const by = randomUUID()
  let heldUntil = Number.NEGATIVE_INFINITY
  const take = async () => {
    const takenAt = performance.now()
    const isTaken = await webhooks.lease(webhookId, by, leaseSeconds)
    if (isTaken) heldUntil = takenAt + leaseSeconds * 1000
    return isTaken
  }
  if (!(await take())) return undefined
  let renewal: Promise<unknown> = Promise.resolve()
  const renewing = setInterval(
    () => {
      renewal = take().catch(() => {}) // it expires, and another takes over
    },
    (leaseSeconds * 1000) / 3,
  )
  return {
    isHeld: () => performance.now() < heldUntil,
    async release() {
      clearInterval(renewing)
      await renewal
      await webhooks.release(webhookId, by)
    },
  }
}
