import type { ClientConfig } from 'pg'
import { isPooled, parseDatabaseUrl, refuseUrl } from './database-url.ts'
import { PrimarySocket } from './liveness/primary-socket.ts'
import { quoteIdentifier } from './schemas.ts'
import { tlsOptions } from './tls-options.ts'

/**
 * What the code relies on and `ALTER DATABASE … SET` or `ALTER ROLE … SET` may change. A connection sends it when it opens, so it
 * wins over both, and survives RESET. Only what every role may set and PostgreSQL 15 knows.
 */
const sessionSettings = {
  // The driver and Prisma's adapter parse these forms; the adapter reads and writes times without a zone.
  datestyle: 'ISO,MDY',
  intervalstyle: 'postgres',
  timezone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: '1',
  array_nulls: 'on',
  // Statements are written for these.
  standard_conforming_strings: 'on',
  transform_null_equals: 'off',
  quote_all_identifiers: 'off',
  row_security: 'on',
  gin_fuzzy_search_limit: '0',
  exit_on_error: 'off',
  'plpgsql.extra_errors': 'none',
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  // Pools and listeners keep connections idle; migrations wait for each other.
  idle_session_timeout: '0',
  lock_timeout: '0',
  // Verification, exports and migrations take as long as they need; watched-client.ts finds dead connections.
  statement_timeout: '0',
  // The locks of a process that is gone, or stopped, are released; the server of Unix sockets ignores the others.
  idle_in_transaction_session_timeout: '30s',
  tcp_keepalives_idle: '10',
  tcp_keepalives_interval: '5',
  tcp_keepalives_count: '4',
  tcp_user_timeout: '30s',
} as const

/** A schema that all statements of the service, also unqualified ones, use; the default is that of the server. */
const searchPath = (schema: string | undefined): Record<string, string> =>
  schema === undefined ? {} : { search_path: quoteIdentifier(schema) }

/** As the server splits them: at blanks, which a backslash escapes. */
const toOptions = (settings: Readonly<Record<string, string>>): string =>
  Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value.replaceAll(/[\\\s]/g, '\\$&')}`)
    .join(' ')

/** The settings that a pooler cannot be sent, so that the role must have them; keepalives are those of the pooler itself. */
export const roleSettings: readonly (readonly [name: string, value: string])[] = Object.entries(sessionSettings).filter(
  ([name]) => !name.startsWith('tcp_'),
)

/** The same settings for connections to the embedded server itself. */
export const sessionOptions = toOptions(sessionSettings)

const defaultConnectTimeoutMs = 10_000
const keepAliveAfterMs = 10_000

/**
 * The options of every connection to the database of a URL, for the driver, its pool and the queue. Throws SetupError, whose message
 * holds no part of the URL but names of parameters.
 */
export function connectionOptions(url: string, applicationName: string): ClientConfig {
  const { parameters, hosts, ...account } = parseDatabaseUrl(url)
  const { application_name, connect_timeout, options, schema } = parameters
  const pooled = isPooled(url)
  if (pooled && options !== undefined)
    throw refuseUrl('a pooler keeps no settings of a session: set those of options for the role')
  const address = { ...hosts[0], ...account, ...tlsOptions(parameters, hosts) }
  const timeoutMs = connect_timeout === undefined ? defaultConnectTimeoutMs : readSeconds(connect_timeout)
  return {
    ...address,
    ...(hosts.length > 1 && {
      stream: () => new PrimarySocket(hosts, { ...address, connectionTimeoutMillis: timeoutMs }),
    }),
    application_name: application_name ?? applicationName,
    // The last of several values counts.
    options: pooled
      ? undefined
      : [options, toOptions({ ...sessionSettings, ...searchPath(schema) })].filter(Boolean).join(' '),
    connectionTimeoutMillis: timeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveAfterMs,
  }
}

/** libpq's `connect_timeout`; in ms. */
function readSeconds(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw refuseUrl('connect_timeout must be a number of seconds')
  return Number(text) * 1_000
}
