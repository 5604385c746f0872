import { SetupError } from '../../domain/errors.ts'
import { readLibpqUrl } from '../../encoding/libpq-url.ts'

export interface DatabaseHost {
  host: string | undefined
  port: number | undefined
}

/** What a database URL says. */
export interface DatabaseAddress {
  /** Each with a host name, an address, or the directory of a Unix socket; the first connection that may write is used. */
  hosts: readonly DatabaseHost[]
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
  'target_session_attrs',
  'uselibpqcompat',
] as const
type Parameter = (typeof supported)[number]

/** The message names the part of the URL, never a value, which may be a secret. */
export const refuseUrl = (what: string): SetupError => new SetupError(`DATABASE_URL: ${what}`)

/** Parses a database URL as libpq does; throws SetupError for what the service cannot follow. */
export function parseDatabaseUrl(text: string): DatabaseAddress {
  const url = readLibpqUrl(text)
  if (!url) throw refuseUrl('it is not a URL; write postgresql://user:password@host/database')
  const parameters = readParameters(url)
  return {
    hosts: readHosts(url, parameters),
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

const writable = ['read-write', 'primary']

function readHosts(
  url: URL,
  { host, port, target_session_attrs: wanted }: DatabaseAddress['parameters'],
): DatabaseHost[] {
  const names = host?.split(',') ?? [optional(url.hostname.replace(/^\[(.+)\]$/, '$1'), 'the host')]
  const ports = (port ?? url.port).split(',')
  if (wanted !== undefined && !writable.includes(wanted))
    throw refuseUrl(`target_session_attrs must be ${writable.join(' or ')}: the service changes the database`)
  if (names.length > 1 && wanted === undefined)
    throw refuseUrl('several hosts need target_session_attrs=read-write, so that the one that takes changes is found')
  if (ports.length > 1 && ports.length !== names.length) throw refuseUrl('there must be one port, or one for each host')
  return names.map((name, i) => ({ host: name || undefined, port: readPort(ports[i] ?? ports[0] ?? '') }))
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
