import type pg from 'pg'
import { SetupError } from '../../../domain/errors.ts'
import { checkSchemaName, queueSchemaOf } from '../schemas.ts'
import { findMissingGrants } from './privileges.ts'
import { findMissingSettings } from './role-settings.ts'

/** `serve` changes the database; `read` is content with a standby and with the privilege to read. */
export type Purpose = 'serve' | 'read'

interface ServerFacts {
  database: string
  role: string
  version: number
  versionName: string
  encoding: string
  isStandby: boolean
  isReadOnly: boolean
  triggers: string
  synchronousCommit: string
  /** Null before PostgreSQL 17. */
  transactionTimeout: string | null
  dateStyle: string
  timeZone: string
  /** The schema of the URL, else that which holds the service's tables already, else the first of the search path. */
  schema: string | null
  searchPath: string
  hasTables: boolean
  /** Distinguishes databases of all servers. */
  server: string
}

const readFacts = `
  SELECT current_database() AS database, current_user AS role,
    current_setting('server_version_num')::int AS version, current_setting('server_version') AS "versionName",
    current_setting('server_encoding') AS encoding, pg_is_in_recovery() AS "isStandby",
    current_setting('default_transaction_read_only')::bool AS "isReadOnly",
    current_setting('session_replication_role') AS triggers, current_setting('synchronous_commit') AS "synchronousCommit",
    current_setting('transaction_timeout', true) AS "transactionTimeout",
    current_setting('datestyle') AS "dateStyle", current_setting('timezone') AS "timeZone",
    coalesce($1::text, n.nspname, current_schema()) AS schema, current_setting('search_path') AS "searchPath", n.oid IS NOT NULL AS "hasTables",
    (SELECT format('%s %s', d.oid, pg_postmaster_start_time()) FROM pg_database d WHERE d.datname = current_database()) AS server
  FROM (VALUES (to_regclass('ledger_entry'))) AS known(oid)
    LEFT JOIN pg_class c ON c.oid = known.oid LEFT JOIN pg_namespace n ON n.oid = c.relnamespace`

interface CheckedServer {
  schema: string
  /** Settings that connections need beside those that PostgreSQL 15 knows, as startup options. */
  options: string | undefined
  warnings: string[]
  server: string
}

/** Throws SetupError for a server that the service cannot work with; returns how to work with it, and what is doubtful. */
export async function checkServer(
  client: pg.Client,
  { schema: requested, purpose, pooled }: { schema: string | undefined; purpose: Purpose; pooled: boolean },
): Promise<CheckedServer> {
  const { rows } = await client.query<ServerFacts>(readFacts, [requested])
  const facts = rows[0] as ServerFacts
  const refusal = (pooled ? undefined : settingsRefusal(facts)) ?? refusalOf(facts, purpose)
  if (refusal !== undefined) throw new SetupError(`The database ${facts.database}: ${refusal}`)
  const { server } = facts
  const schema = facts.schema as string
  checkSchemaName(schema)
  if (pooled) {
    const statements = await findMissingSettings(client, { ...facts, schema })
    if (statements.length > 0) {
      throw new SetupError(
        `The database ${facts.database}: the pooler passes no session settings on, so the role needs them. Run as its owner or as a superuser: ${statements.join('; ')}; then RECONNECT in the console of the pooler`,
      )
    }
  }
  const options = pooled || (facts.transactionTimeout ?? '0') === '0' ? undefined : '-c transaction_timeout=0'
  if (purpose === 'read') return { schema, options, warnings: [], server }
  const grants = await findMissingGrants(client, { schema, queueSchema: queueSchemaOf(schema) })
  if (grants.length > 0) {
    throw new SetupError(
      `The database ${facts.database}: the role ${facts.role} lacks privileges. Run as its owner or as a superuser: ${grants.join('; ')}`,
    )
  }
  return { schema, options, warnings: warningsOf(facts), server }
}

/** Exported for tests. */
export function settingsRefusal({ dateStyle, timeZone }: Pick<ServerFacts, 'dateStyle' | 'timeZone'>) {
  if (dateStyle === 'ISO, MDY' && timeZone === 'UTC') return undefined
  return 'something on the way drops the session settings (startup parameter "options"); connect to PostgreSQL itself'
}

/** Why the service cannot work with such a server. */
export function refusalOf(facts: ServerFacts, purpose: Purpose): string | undefined {
  const { version, versionName, encoding, triggers, schema, searchPath, hasTables } = facts
  if (version < 150_000) return `PostgreSQL ${versionName} is too old; version 15 or newer is needed`
  if (encoding !== 'UTF8')
    return `its encoding is ${encoding}, which cannot store every text; create it with ENCODING 'UTF8' TEMPLATE template0`
  if (schema === null)
    return `no schema of the search path (${searchPath}) exists; create one, or name one with ?schema= in DATABASE_URL`
  if (purpose === 'read') return hasTables ? undefined : `the schema ${schema} holds no tables of Portwarden`
  if (facts.isStandby) return 'the server is a standby, which takes no changes; name the primary in DATABASE_URL'
  if (facts.isReadOnly)
    return 'its transactions are read-only (default_transaction_read_only = on for the server, the database or the role); set it to off'
  if (triggers !== 'origin')
    return `session_replication_role is ${triggers}, which disables triggers; set it to origin for the database and the role`
  return undefined
}

/** Settings that weaken a promise, and that the operator may have chosen. */
function warningsOf({ synchronousCommit }: ServerFacts): string[] {
  return synchronousCommit === 'off'
    ? ['synchronous_commit is off: what the service has confirmed is lost when the database server crashes']
    : []
}
