import type { Socket } from 'node:net'
import pg from 'pg'
import { pause } from '../../../runtime/sleep.ts'
import { isLong } from '../statement-names.ts'
import { type SessionState, sessionState } from './session-state.ts'

/** What the driver keeps and its types do not show (pg 8.23). */
interface Internals {
  connection: { stream: Socket }
  processID: number | null
  _getActiveQuery(): { text?: string } | null
}
const internals = (client: pg.Client) => client as unknown as Internals

const checkEveryMs = 4_000
/** Of silence: then another connection checks the session. */
const doubtAfterMs = 8_000
/** What the server has sent meanwhile arrives within this time. */
const graceMs = 1_000
/** Of silence, where the session cannot be checked. */
const shortStatementMs = 60_000
const maxUnanswered = 3
const endTimeoutMs = 2_000

/**
 * A connection that ends when its server is gone without a word, as after a failover of a virtual address that drops packets. A statement
 * may take hours: while the server says nothing, another connection checks whether the session still works on it. Every query of an ended
 * connection rejects with ETIMEDOUT.
 */
export class WatchedClient extends pg.Client {
  constructor(config: pg.ClientConfig = {}) {
    super(config)
    this.on('error', () => {}) // every query of it rejects; without a listener the process would end
    watch(this, config)
  }

  // A dead connection does not confirm its end.
  override end(): Promise<void>
  override end(callback: (error: Error) => void): void
  override end(callback?: (error: Error) => void): Promise<void> | void {
    const late = setTimeout(() => internals(this).connection.stream.destroy(), endTimeoutMs).unref()
    this.once('end', () => clearTimeout(late))
    return callback ? super.end(callback) : super.end()
  }
}

/** Ends a connection that cannot be used any more. */
export function abandon(client: pg.Client, why: string): void {
  const error = Object.assign(new Error(`the connection to the database is given up: ${why}`), { code: 'ETIMEDOUT' })
  internals(client).connection.stream.destroy(error)
}

/** Whether an idle connection responds in time; otherwise it is ended. */
export async function isResponsive(client: WatchedClient, timeoutMs: number): Promise<boolean> {
  const late = setTimeout(() => abandon(client, `no response within ${timeoutMs} ms`), timeoutMs)
  try {
    await client.query('SELECT 1')
    return true
  } catch {
    return false
  } finally {
    clearTimeout(late)
  }
}

function watch(client: pg.Client, config: pg.ClientConfig): void {
  let last: { query: unknown; bytesRead: number; since: number } | undefined
  let unanswered = 0
  let isChecking = false

  /** How long the server has been silent although a statement waits, in ms. */
  const silence = () => {
    const query = internals(client)._getActiveQuery()
    const { bytesRead } = internals(client).connection.stream
    if (!query) last = undefined
    else if (last?.query !== query || last.bytesRead !== bytesRead) {
      last = { query, bytesRead, since: performance.now() }
      unanswered = 0
    }
    return last ? performance.now() - last.since : 0
  }
  const verdictOn = (state: SessionState): string | undefined => {
    unanswered = state === 'unanswered' ? unanswered + 1 : 0
    const silentS = Math.round(silence() / 1000)
    if (state === 'gone') return `the server works on none of its statements, and it is silent for ${silentS} s`
    if (unanswered >= maxUnanswered) return `the server is silent for ${silentS} s, and cannot be reached`
    const isShort = !isLong(internals(client)._getActiveQuery()?.text ?? '')
    if (state === 'unknown' && isShort && silence() > shortStatementMs) return `the server is silent for ${silentS} s`
    return undefined
  }
  const check = async () => {
    const { processID } = internals(client)
    if (silence() < doubtAfterMs || processID === null) return
    const doubted = last
    const state = await sessionState(config, processID)
    await pause(graceMs, new AbortController().signal)
    silence()
    if (last !== doubted) return
    const why = verdictOn(state)
    if (why !== undefined) abandon(client, why)
  }
  const timer = setInterval(() => {
    if (internals(client).connection.stream.destroyed) clearInterval(timer)
    if (isChecking) return
    isChecking = true
    void check().finally(() => {
      isChecking = false
    })
  }, checkEveryMs).unref()
}
