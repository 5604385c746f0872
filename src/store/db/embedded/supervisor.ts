import { once } from 'node:events'
import { pause } from '../../../runtime/sleep.ts'
import type { Session } from './session.ts'

/** A server that dies this often in an hour has a cause that another start does not remove. */
const maxRestarts = 10
const forgetAfterMs = 3_600_000
/** Before the first, second… try after a death. */
const pausesMs = [0, 500, 1_000, 2_000, 4_000]

interface Supervisor {
  /** Ends the supervision; returns the session that is open then. */
  stop(): Promise<Session>
}

/** Opens the session again whenever it is lost, which starts the server again if it died. */
export function supervise(
  first: Session,
  { reopen, log }: { reopen: () => Promise<Session>; log: (line: string) => void },
): Supervisor {
  const stopping = new AbortController()
  const deaths: number[] = []
  let session = first

  const restart = async (): Promise<boolean> => {
    for (const pauseMs of pausesMs) {
      await pause(pauseMs, stopping.signal)
      if (stopping.signal.aborted) return false
      try {
        session = await reopen()
        return true
      } catch (error) {
        log(`The embedded PostgreSQL could not be started: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
    return false
  }
  const run = async () => {
    while (!stopping.signal.aborted) {
      await ended(session, stopping.signal)
      if (stopping.signal.aborted) return
      const now = performance.now()
      deaths.push(now)
      while ((deaths[0] ?? now) < now - forgetAfterMs) deaths.shift()
      if (deaths.length > maxRestarts) {
        log(
          `The embedded PostgreSQL was lost ${deaths.length} times within an hour and is not started again: read its log, then restart Portwarden.`,
        )
        return
      }
      log('The connection to the embedded PostgreSQL was lost; connecting again, or starting it if it died')
      if (!(await restart())) {
        if (!stopping.signal.aborted)
          log(
            `The embedded PostgreSQL did not come back after ${pausesMs.length} tries: read its log, then restart Portwarden.`,
          )
        return
      }
    }
  }
  const running = run()
  return {
    async stop() {
      stopping.abort()
      await running
      return session
    },
  }
}

/** Resolves when the connection of the session has ended, or with the signal. */
async function ended({ client, state }: Session, signal: AbortSignal): Promise<void> {
  if (state === 'lost') return
  await once(client, 'end', { signal }).catch(() => {}) // only the signal rejects it
}
