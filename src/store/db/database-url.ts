import { SetupError } from '../../domain/errors.ts'
import { readLibpqUrl } from '../../encoding/libpq-url.ts'

/** What a database URL says. */
export interface DatabaseAddress {
  /** A host name, an address, or the directory of a Unix socket. */
  host: string | undefined
  port: number | undefined
  user: string | undefined
  password: string | undefined
  database: string | undefined
  parameters: Partial<Record<Parameter, string>>
}

/** The parameters of libpq that the service follows, and `schema` and `pgbouncer`, which Prisma defined. `ssl` is that of JDBC, which libpq takes too. */
const supported = [
  'application_name',
  'connect_timeout',
  'host',
  'options',
  'pgbouncer',
  'port',
  'schema',
  'ssl',
  'sslcert',
  'sslkey',
  'sslmode',
  'sslnegotiation',
  'sslpassword',
  'sslrootcert',
  'uselibpqcompat',
] as const
type Parameter = (typeof supported)[number]

/** The message names the part of the URL, never a value, which may be a secret. */
export const refuseUrl = (what: string): SetupError => new SetupError(`DATABASE_URL: ${what}`)

/** Parses a database URL as libpq does; throws SetupError for what the service cannot follow. */
export function parseDatabaseUrl(text: string): DatabaseAddress {
  const url = readLibpqUrl(text)
  if (!url) throw refuseUrl('it is not a URL; write postgresql://user:password@host/database, with one host')
  if (url.hostname.includes(',')) throw refuseUrl('it names several hosts; name one, or a virtual address')
  const parameters = readParameters(url)
  return {
    host: parameters.host ?? optional(url.hostname.replace(/^\[(.+)\]$/, '$1'), 'the host'),
    port: readPort(parameters.port ?? url.port),
    user: optional(url.username, 'the user'),
    password: optional(url.password, 'the password'),
    database: optional(url.pathname.slice(1), 'the name of the database'),
    parameters,
  }
}

/** Whether a pooler in transaction mode is between, so that nothing of a session outlives a transaction. */
export const isPooled = (text: string): boolean => parseDatabaseUrl(text).parameters.pgbouncer === 'true'

/** The same URL with other parameters. */
export function withParameters(text: string, parameters: DatabaseAddress['parameters']): string {
  const url = readLibpqUrl(text)
  if (!url) throw refuseUrl('it is not a URL')
  const changed = searchOf(url)
  for (const [name, value] of Object.entries(parameters)) changed.set(name, value)
  url.search = changed.toString().replaceAll('+', '%20')
  return url.href
}

/** A plus sign is one in libpq, and no blank as in forms. */
const searchOf = ({ search }: URL) => new URLSearchParams(search.replaceAll('+', '%2B'))

function readParameters(url: URL): DatabaseAddress['parameters'] {
  const parameters: DatabaseAddress['parameters'] = {}
  for (const [name, value] of searchOf(url)) {
    const known = supported.find((parameter) => parameter === name)
    if (!known) throw refuseUrl(`the parameter ${name} is not supported; supported are ${supported.join(', ')}`)
    if (known in parameters) throw refuseUrl(`the parameter ${name} appears twice`)
    if (value !== '') parameters[known] = value
  }
  return parameters
}

function readPort(text: string): number | undefined {
  if (text === '') return undefined
  const port = Number(text)
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port
  throw refuseUrl('the port must be a number from 1 to 65535')
}

/** Undefined when empty: the driver's default applies. */
function optional(encoded: string, what: string): string | undefined {
  try {
    return decodeURIComponent(encoded) || undefined
  } catch {
    throw refuseUrl(`${what} has a % that encodes no character; encode % as %25`)
  }
}
