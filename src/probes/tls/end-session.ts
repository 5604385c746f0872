import type { TLSSocket } from 'node:tls'
import type { Deadline } from '../engine/deadline.ts'

/** Ends a session and reads what the peer still sends, such as tickets, so that it sees no reset; destroys the stream. */
export async function endSession(stream: TLSSocket, patience: Deadline, farewell?: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const cancelPatience = patience.onExpiry(resolve)
  for (const event of ['session', 'data', 'error', 'close']) stream.once(event, () => resolve())
  if (stream.destroyed) resolve()
  else if (farewell === undefined) stream.end()
  else stream.write(farewell)
  await promise
  cancelPatience()
  stream.destroy()
}
