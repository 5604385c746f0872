import { readFileSync } from 'node:fs'
import { type ConnectionOptions, checkServerIdentity, getCACertificates } from 'node:tls'
import type { ClientConfig } from 'pg'
import { type DatabaseAddress, refuseUrl } from './database-url.ts'

/** libpq's modes, in the order of their strength. */
const sslModes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
export type SslMode = (typeof sslModes)[number]

type Parameters = DatabaseAddress['parameters']

/** The mode of a URL as libpq takes it: `ssl=true` is `require`, and the roots of the system demand `verify-full`. */
export function sslMode({ sslmode, ssl, sslrootcert }: Parameters): SslMode {
  const fallback = ssl === 'true' ? 'require' : sslrootcert === 'system' ? 'verify-full' : 'prefer'
  const mode = sslModes.find((known) => known === (sslmode ?? fallback))
  if (!mode) throw refuseUrl(`sslmode must be one of ${sslModes.join(', ')}`)
  return mode
}

/**
 * TLS for the driver, which itself treats every mode as `verify-full`. `allow` and `prefer` are decided when the service starts
 * (see server-checks.ts); undecided they are plain. Source: PostgreSQL, "SSL Support" of libpq.
 */
export function tlsOptions(
  parameters: Parameters,
  hosts: DatabaseAddress['hosts'],
): Pick<ClientConfig, 'ssl' | 'sslnegotiation'> {
  const mode = sslMode(parameters)
  const { sslrootcert, sslnegotiation } = parameters
  // libpq does not encrypt a Unix socket either.
  if (mode === 'disable' || mode === 'allow' || mode === 'prefer' || hosts.every(({ host }) => host?.startsWith('/')))
    return { ssl: false }
  return {
    ssl: { ...clientCertificate(parameters), ...verification(mode, sslrootcert), ...namesOf(mode, hosts) },
    ...(sslnegotiation === 'direct' && { sslnegotiation }),
  }
}

/** The driver names the first host: of several, the certificate may name any. */
function namesOf(mode: SslMode, hosts: DatabaseAddress['hosts']): ConnectionOptions {
  if (mode !== 'verify-full' || hosts.length === 1) return {}
  return {
    checkServerIdentity(name, certificate) {
      const errors = hosts.map(({ host = name }) => checkServerIdentity(host, certificate))
      return errors.every((error) => error) ? errors[0] : undefined
    },
  }
}

function verification(mode: SslMode, rootCertificate: string | undefined): ConnectionOptions {
  if (rootCertificate === undefined) {
    if (mode === 'verify-ca')
      throw refuseUrl(
        'sslmode=verify-ca needs sslrootcert, because every public authority would be accepted for any server; name its file, or write verify-full',
      )
    // Without sslrootcert: the authorities that Node trusts, where libpq would find no file.
    return mode === 'require' ? { rejectUnauthorized: false } : { rejectUnauthorized: true }
  }
  if (rootCertificate === 'system' && mode !== 'verify-full')
    throw refuseUrl(
      `sslrootcert=system needs sslmode=verify-full, because anyone may get a certificate of a public authority`,
    )
  const ca = rootCertificate === 'system' ? getCACertificates('system') : readFile('sslrootcert', rootCertificate)
  // `require` with roots verifies them, as libpq does.
  return mode === 'verify-full'
    ? { ca, rejectUnauthorized: true }
    : { ca, rejectUnauthorized: true, checkServerIdentity: () => undefined }
}

function clientCertificate({ sslcert, sslkey, sslpassword }: Parameters): ConnectionOptions {
  if (sslcert === undefined && sslkey === undefined) return {}
  if (sslcert === undefined || sslkey === undefined) throw refuseUrl('sslcert and sslkey belong together')
  const passphrase = sslpassword === undefined ? {} : { passphrase: sslpassword }
  return { cert: readFile('sslcert', sslcert), key: readFile('sslkey', sslkey), ...passphrase }
}

function readFile(parameter: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : 'unknown reason'
    throw refuseUrl(`${parameter} names a file that cannot be read (${code}): ${path}`)
  }
}
