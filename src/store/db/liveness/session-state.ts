import pg from 'pg'
import { errorCode } from '../../../runtime/poll.ts'

/**
 * `gone`: the server has no such session, or it waits for its client. `unknown`: the server does not say, or a pooler hides its sessions.
 * `unanswered`: the server cannot be reached.
 */
export type SessionState = 'active' | 'gone' | 'unknown' | 'unanswered'

interface Row {
  own: number
  pid: number | null
  state: string | null
  waitEvent: string | null
}

const timeoutMs = 5_000
/** The codes of the system, such as EPIPE, begin with E. */
const sqlState = /^[0-9A-DF-Z][0-9A-Z]{4}$/

/** How a session of the service stands, by a connection of its own; never throws. */
export async function sessionState(config: pg.ClientConfig, pid: number): Promise<SessionState> {
  const client = new pg.Client({
    ...config,
    application_name: 'portwarden liveness',
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
  })
  client.on('error', () => {}) // the query that it breaks rejects
  try {
    await client.connect()
    const { rows } = await client.query<Row>(
      `SELECT pg_backend_pid() AS own, a.pid, a.state, a.wait_event AS "waitEvent"
       FROM (VALUES (1)) one LEFT JOIN pg_stat_activity a ON a.pid = $1`,
      [pid],
    )
    const own = (client as unknown as { processID: number | null }).processID
    return rows[0] ? readState(rows[0], own) : 'unknown'
  } catch (error) {
    return sqlState.test(errorCode(error) ?? '') ? 'unknown' : 'unanswered'
  } finally {
    client.end().catch(() => {}) // the state is known, or the database is away
  }
}

/** Exported for tests. */
export function readState({ own, pid, state, waitEvent }: Row, processId: number | null): SessionState {
  if (own !== processId) return 'unknown'
  if (pid === null) return 'gone'
  if (state === null || state === 'disabled') return 'unknown'
  if (state !== 'active') return 'gone'
  // Both sides wait for each other.
  return waitEvent === 'ClientRead' || waitEvent === 'ClientWrite' ? 'gone' : 'active'
}
