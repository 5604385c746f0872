import { Socket } from 'node:net'
import pg from 'pg'
import { errorCode } from '../../../runtime/poll.ts'
import type { DatabaseHost } from '../database-url.ts'

/** How to sign in, and how long one host may take. */
type Account = pg.ClientConfig & { connectionTimeoutMillis: number }

/** The host that was the primary last, by the list of hosts. */
const lastPrimaries = new Map<string, DatabaseHost>()

/** For a known primary, before all hosts are tried. */
const patienceMs = 1_000

/**
 * A connection to the host that takes changes; the host that the driver names is ignored, because it knows only one. Every connection
 * finds the primary anew, since a failover changes it. libpq: `target_session_attrs=read-write`.
 */
export class PrimarySocket extends Socket {
  readonly #hosts: readonly DatabaseHost[]
  readonly #account: Account

  constructor(hosts: readonly DatabaseHost[], account: Account) {
    super()
    this.#hosts = hosts
    this.#account = account
  }

  // biome-ignore lint/suspicious/noExplicitAny: the driver calls one of many forms
  override connect(..._: any[]): this {
    findPrimary(this.#hosts, this.#account).then(
      (primary) => {
        if (this.destroyed) return
        const { host, port } = new pg.Client(primary)
        if (host.startsWith('/')) super.connect(`${host}/.s.PGSQL.${port}`)
        else super.connect(port, host)
      },
      (error: Error) => this.destroy(error),
    )
    return this
  }
}

async function findPrimary(hosts: readonly DatabaseHost[], account: Account): Promise<DatabaseHost> {
  const key = JSON.stringify(hosts)
  const known = lastPrimaries.get(key)
  // Its failure says why it is the primary no more; all hosts are tried then.
  const quick = known && (await ask(known, { ...account, connectionTimeoutMillis: patienceMs }).catch(() => undefined))
  if (quick) return quick
  const found = await Promise.any(hosts.map((host) => ask(host, account))).catch(({ errors }: AggregateError) => {
    throw (errors as Error[]).find(isRefusal) ?? noPrimary(errors)
  })
  lastPrimaries.set(key, found)
  return found
}

/** Waiting helps, as during a failover. */
const noPrimary = (errors: readonly unknown[]): Error =>
  Object.assign(new Error('no host of the database takes changes', { cause: errors[0] }), { code: 'ECONNREFUSED' })

class NotPrimaryError extends Error {}

/** A host that can be reached and refuses the connection, as for its TLS or the password. */
const isRefusal = (error: Error): boolean =>
  !(error instanceof NotPrimaryError) && !/^(E[A-Z]|57P)/.test(errorCode(error) ?? '')

/** The host itself, if it takes changes; rejects otherwise. */
async function ask(host: DatabaseHost, account: Account): Promise<DatabaseHost> {
  const timeoutMs = account.connectionTimeoutMillis
  const client = new pg.Client({
    ...account,
    ...host,
    query_timeout: timeoutMs,
    application_name: 'portwarden primary',
  })
  client.on('error', () => {}) // what it breaks rejects
  try {
    await client.connect()
    const { rows } = await client.query<{ isReadOnly: boolean }>(
      `SELECT current_setting('transaction_read_only')::bool AS "isReadOnly"`,
    )
    if (rows[0]?.isReadOnly !== false) throw new NotPrimaryError('the host takes no changes')
    return host
  } finally {
    client.end().catch(() => {}) // the result is known, or the host is away
  }
}
