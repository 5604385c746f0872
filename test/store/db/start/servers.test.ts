import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectionOptions } from '../../../../src/store/db/connection.ts'
import { openDatabase } from '../../../../src/store/db/database.ts'
import { withParameters } from '../../../../src/store/db/database-url.ts'
import { prepareDatabase } from '../../../../src/store/db/start/prepare.ts'
import { type Authority, type Certificate, createAuthority } from '../../../support/certificates.ts'
import { createEmptyDatabase, type TestDatabase } from '../../../support/database.ts'
import { query } from '../../../support/database-server.ts'
import { findCommand, run } from '../../../support/processes.ts'
import { type StoppablePostgres, startStoppablePostgres } from '../../../support/stoppable-postgres.ts'

let authority: Authority
let stranger: Authority
let client: Certificate
let server: StoppablePostgres
let plain: TestDatabase

beforeAll(async () => {
  authority = await createAuthority('databases')
  stranger = await createAuthority('strangers')
  client = await authority.issue({ commonName: 'with_cert', subjectAltName: 'DNS:client.test' })
  const certificate = await authority.issue({ commonName: 'localhost', subjectAltName: 'DNS:localhost' })
  server = await startStoppablePostgres({
    tls: { ...certificate, caPath: authority.caPath },
    access: [
      'hostssl all only_tls 127.0.0.1/32 trust',
      'hostnossl all only_plain 127.0.0.1/32 trust',
      'hostssl all with_cert 127.0.0.1/32 cert',
      'host all postgres 127.0.0.1/32 trust',
    ],
  })
  await query(
    server.url,
    ['only_tls', 'only_plain', 'with_cert'].map((role) => `CREATE ROLE ${role} LOGIN SUPERUSER`),
  )
  plain = await createEmptyDatabase()
})
afterAll(async () => {
  await server?.stop()
  await plain?.drop()
})

const purpose = { purpose: 'serve', waitMs: 0, signal: new AbortController().signal, log: () => {} } as const

/** Whether the connections of a service with this URL are encrypted. */
async function encrypts(url: string): Promise<boolean> {
  const { url: settled } = await prepareDatabase(url, purpose)
  const connection = new pg.Client(connectionOptions(settled, 'test'))
  await connection.connect()
  try {
    const { rows } = await connection.query<{ ssl: boolean }>(
      'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
    )
    return rows[0]?.ssl ?? false
  } finally {
    await connection.end()
  }
}

interface Case {
  sslmode?: string
  user?: string
  /** Default: localhost, the name of the certificate. */
  host?: string
  roots?: 'authority' | 'stranger' | 'system' | 'missing'
  withCertificate?: boolean
  more?: string
}

function urlOf({ sslmode, user = 'postgres', host = 'localhost', roots, withCertificate, more = '' }: Case): string {
  const url = new URL(`${server.url}${more}`)
  url.username = user
  url.hostname = host
  const paths = { authority: authority.caPath, stranger: stranger.caPath, system: 'system', missing: '/missing.pem' }
  return withParameters(url.href, {
    ...(sslmode && { sslmode }),
    ...(roots && { sslrootcert: paths[roots] }),
    ...(withCertificate && { sslcert: client.certPath, sslkey: client.keyPath }),
  })
}

const encrypted: [Case, boolean][] = [
  [{}, true],
  [{ sslmode: 'disable' }, false],
  [{ sslmode: 'allow' }, false],
  [{ sslmode: 'allow', user: 'only_tls' }, true],
  [{ sslmode: 'prefer' }, true],
  [{ sslmode: 'prefer', user: 'only_plain' }, false],
  [{ sslmode: 'prefer', roots: 'stranger' }, false],
  [{ sslmode: 'require' }, true],
  [{ sslmode: 'require', host: '127.0.0.1' }, true],
  [{ sslmode: 'require', host: '127.0.0.1', roots: 'authority' }, true],
  [{ more: '?ssl=true' }, true],
  [{ sslmode: 'require', more: '?uselibpqcompat=true' }, true],
  [{ sslmode: 'require', more: '?sslnegotiation=direct' }, true],
  [{ sslmode: 'verify-ca', host: '127.0.0.1', roots: 'authority' }, true],
  [{ sslmode: 'verify-full', roots: 'authority' }, true],
  [{ sslmode: 'verify-full', roots: 'authority', user: 'with_cert', withCertificate: true }, true],
]

const refused: [Case, string][] = [
  [{ sslmode: 'disable', user: 'only_tls' }, 'no encryption'],
  [{ sslmode: 'require', user: 'only_plain' }, 'SSL encryption'],
  [{ sslmode: 'require', roots: 'stranger' }, 'TLS with the server fails (SELF_SIGNED_CERT_IN_CHAIN)'],
  [{ sslmode: 'verify-ca' }, 'sslmode=verify-ca needs sslrootcert'],
  [{ sslmode: 'verify-ca', roots: 'stranger' }, 'TLS with the server fails'],
  [{ sslmode: 'verify-ca', roots: 'system' }, 'sslrootcert=system needs sslmode=verify-full'],
  [{ sslmode: 'verify-full', host: '127.0.0.1', roots: 'authority' }, '(ERR_TLS_CERT_ALTNAME_INVALID)'],
  [{ sslmode: 'verify-full' }, 'TLS with the server fails'],
  [{ roots: 'system' }, 'TLS with the server fails'],
  [{ sslmode: 'verify-full', roots: 'missing' }, 'sslrootcert names a file that cannot be read (ENOENT)'],
  [{ sslmode: 'verify-full', roots: 'authority', user: 'with_cert' }, 'certificate'],
  [{ sslmode: 'no-verify' }, 'sslmode must be one of disable, allow, prefer, require, verify-ca, verify-full'],
]

describe('sslmode means what it means in libpq, with a server that offers TLS', () => {
  test.each(encrypted)('%j: encrypted is %j', async (options, expected) => {
    expect(await encrypts(urlOf(options))).toBe(expected)
  })

  test.each(refused)('%j is refused: %s', async (options, sentence) => {
    await expect(prepareDatabase(urlOf(options), purpose)).rejects.toThrow(sentence)
  })
})

/** Older versions of psql know neither. */
const knownToPsql = ({ more, roots, sslmode }: Case) =>
  more === undefined && roots !== 'system' && sslmode !== 'no-verify'
const cases = [...encrypted, ...refused.map(([options]) => [options, undefined] as const)]

describe.skipIf(!findCommand('psql'))('psql, which uses libpq, agrees', () => {
  test.each(cases.filter(([options]) => knownToPsql(options)))('%j: encrypted is %j', async (options, expected) => {
    const statement = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()'
    const env = { PATH: process.env.PATH, HOME: '/nonexistent' }
    const { code, stdout } = await run('psql', ['-XAtw', urlOf(options), '-c', statement], { env })
    const found = code === 0 ? stdout.trim() === 't' : undefined
    expect(found).toBe(expected)
  })
})

describe('with a server that offers no TLS', () => {
  test.each(['disable', 'allow', 'prefer'])('%s is not encrypted', async (sslmode) => {
    expect(await encrypts(withParameters(plain.url, { sslmode }))).toBe(false)
  })

  test.each(['require', 'verify-full'])('%s is refused', async (sslmode) => {
    await expect(prepareDatabase(withParameters(plain.url, { sslmode }), purpose)).rejects.toThrow(
      'DATABASE_URL: the server offers no TLS, which sslmode demands',
    )
  })
})

test('a standby is refused for the service, and readable', async () => {
  const database = openDatabase(server.url, { connections: 1 })
  await database.ping()
  await server.becomeStandby()
  await expect(database.ping()).rejects.toThrow('the database takes no changes')
  await database.close()
  await expect(prepareDatabase(server.url, purpose)).rejects.toThrow(
    'the server is a standby, which takes no changes; name the primary in DATABASE_URL',
  )
  await expect(prepareDatabase(server.url, { ...purpose, purpose: 'read' })).rejects.toThrow(
    'the schema public holds no tables of Portwarden',
  )
})
