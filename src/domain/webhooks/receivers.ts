/** A receiver of one webhook: of the webhook itself, or of the callbacks of one key at one host. */
export interface WaitingReceiver {
  receiver: string
  /** The key whose callbacks it gets; null: the receiver of a webhook. */
  key: string | null
}

/** The receiver of a callback; the empty text is the receiver of a webhook. */
export const receiverOf = (callback: { url: string; key: string } | undefined): string =>
  callback ? `${callback.key} ${new URL(callback.url).host}` : ''

interface Shares {
  /** Receivers of one key that are sent to concurrently. */
  perKey: number
  inAll: number
}

/**
 * Chooses to whom to send next. The key with the fewest running deliveries comes first, then the receiver that waits longest since
 * its last turn, so that a slow receiver delays neither other receivers nor other keys. `running` maps receivers to keys.
 */
export function chooseReceivers<R extends WaitingReceiver>(
  waiting: readonly R[],
  {
    running,
    lastTurn,
    shares,
  }: { running: ReadonlyMap<string, string | null>; lastTurn: ReadonlyMap<string, number>; shares: Shares },
): R[] {
  const busy = new Map<string | null, number>()
  for (const key of running.values()) busy.set(key, (busy.get(key) ?? 0) + 1)
  const turnOf = ({ receiver }: R) => lastTurn.get(receiver) ?? -1
  const queues = Map.groupBy(
    waiting.filter(({ receiver }) => !running.has(receiver)),
    ({ key }) => key,
  )
  for (const queue of queues.values()) queue.sort((a, b) => turnOf(a) - turnOf(b)).reverse() // the next one is the last
  const chosen: R[] = []
  while (running.size + chosen.length < shares.inAll) {
    const open = [...queues.keys()].filter((key) => (busy.get(key) ?? 0) < shares.perKey)
    const [key] = open.sort((a, b) => (busy.get(a) ?? 0) - (busy.get(b) ?? 0))
    const next = key === undefined ? undefined : queues.get(key)?.pop()
    if (key === undefined || !next) break
    if (queues.get(key)?.length === 0) queues.delete(key)
    chosen.push(next)
    busy.set(key, (busy.get(key) ?? 0) + 1)
  }
  return chosen
}
