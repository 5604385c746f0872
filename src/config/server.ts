import { createPrivateKey, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import type { Limits } from '../domain/access/limits.ts'
import { ConfigError, createValues, readSetting } from './env.ts'

/** PEM texts, and the path of the first. */
interface TlsFiles {
  cert: string
  key: string
  certFile: string
}

/** Where the service listens, and its limits for clients. */
export interface Listening {
  host: string
  port: number
  /** Undefined: plain HTTP, on loopback or behind a proxy. */
  tls: TlsFiles | undefined
  behindProxy: boolean
  /** The path of PORTWARDEN_PUBLIC_URL without its last slash; empty at the root. */
  pathPrefix: string
  /** PORTWARDEN_PUBLIC_URL without its last slash. */
  publicUrl: string | undefined
  /** The limit of open connections. */
  connections: number
  limits: Limits
}

/** Refuses a non-loopback address without TLS or a proxy, because clients send keys. */
export function readListening(env: NodeJS.ProcessEnv): Listening {
  const { text, integer, flag } = createValues(env)
  const host = text('HOST', '127.0.0.1')
  const tls = readTls(env)
  const behindProxy = flag('PORTWARDEN_BEHIND_PROXY')
  if (!tls && !behindProxy && !isLoopback(host)) {
    throw new ConfigError(
      'HOST lets others reach the service, and keys would be sent in clear. Set PORTWARDEN_TLS_CERT=/etc/portwarden/tls.pem and ' +
        'PORTWARDEN_TLS_KEY=/etc/portwarden/tls.key; or, where a proxy in front of it ends TLS, PORTWARDEN_BEHIND_PROXY=true; or HOST=127.0.0.1',
    )
  }
  const connections = integer('PORTWARDEN_CONNECTIONS', 2_500, [10, 100_000])
  const fifth = Math.max(2, Math.floor(connections / 5))
  return {
    host,
    port: integer('PORT', 8080, [0, 65_535]),
    tls,
    behindProxy,
    ...readPublicUrl(env),
    connections,
    limits: {
      requestsPerMinute: integer('PORTWARDEN_REQUESTS_PER_MINUTE', 30_000, [1, 100_000_000]),
      refusalsPerMinute: integer('PORTWARDEN_REFUSALS_PER_MINUTE', 1_000, [1, 100_000_000]),
      auditsPerMinute: integer('PORTWARDEN_AUDITS_PER_MINUTE', 600, [1, 100_000_000]),
      targetsPerAudit: integer('PORTWARDEN_TARGETS_PER_AUDIT', 200_000, [1, 100_000_000]),
      checksInFlight: integer('PORTWARDEN_CHECKS_IN_FLIGHT', 10_000_000, [1, 2_000_000_000]),
      callbacksWaiting: integer('PORTWARDEN_CALLBACKS_WAITING', 10_000, [1, 10_000_000]),
      connectionsPerKey: integer('PORTWARDEN_CONNECTIONS_PER_KEY', fifth, [1, 100_000]),
      streamsPerKey: integer('PORTWARDEN_STREAMS_PER_KEY', 100, [1, 100_000]),
      importsPerKey: integer('PORTWARDEN_IMPORTS_PER_KEY', 4, [1, 1_000]),
      imports: integer('PORTWARDEN_IMPORTS', 16, [1, 1_000]),
      spoolBytesPerKey: integer('PORTWARDEN_SPOOL_MIB_PER_KEY', 512, [1, 1_000_000]) * 2 ** 20,
      spoolBytes: integer('PORTWARDEN_SPOOL_MIB', 2_048, [1, 10_000_000]) * 2 ** 20,
    },
  }
}

const publicUrlExample = 'PORTWARDEN_PUBLIC_URL=https://portwarden.example.org/portwarden'
const ownPaths = /^\/(v1|docs|livez|readyz|metrics|probe|session|ui|openapi[^/]*)(\/|$)/

function readPublicUrl(env: NodeJS.ProcessEnv): Pick<Listening, 'publicUrl' | 'pathPrefix'> {
  const text = env.PORTWARDEN_PUBLIC_URL
  if (!text) return { publicUrl: undefined, pathPrefix: '' }
  const url = parsed(() => new URL(text))
  const refuse = (problem: string) =>
    new ConfigError(`PORTWARDEN_PUBLIC_URL ${problem}; a valid example: ${publicUrlExample}`)
  if (!url || !/^https?:$/.test(url.protocol)) throw refuse('is not an HTTP URL')
  if (url.username || url.password || url.search || url.hash || text.includes('?') || text.includes('#'))
    throw refuse('must have neither credentials nor query nor fragment')
  const path = url.pathname.replace(/\/$/, '')
  if (!/^(\/[\w.~-]+)*$/.test(path)) throw refuse('must have a path of letters, digits and ._~-')
  if (ownPaths.test(path)) throw refuse('must have a path that is not one of the service')
  return { publicUrl: url.origin + path, pathPrefix: path }
}

/** Reads the certificate chain and its key from their files. */
export function readTls(env: NodeJS.ProcessEnv): TlsFiles | undefined {
  const { PORTWARDEN_TLS_CERT: certFile, PORTWARDEN_TLS_KEY: keyFile } = env
  if (!certFile && !keyFile) return undefined
  if (!certFile || !keyFile) {
    const [set, unset] = certFile ? ['CERT', 'KEY'] : ['KEY', 'CERT']
    throw new ConfigError(
      `PORTWARDEN_TLS_${set} needs PORTWARDEN_TLS_${unset}; a valid example: PORTWARDEN_TLS_${unset}=/etc/portwarden/tls.${certFile ? 'key' : 'pem'}`,
    )
  }
  const cert = readSetting('PORTWARDEN_TLS_CERT', certFile)
  const key = readSetting('PORTWARDEN_TLS_KEY', keyFile)
  const leaf = parsed(() => new X509Certificate(cert))
  if (!leaf) throw new ConfigError(`PORTWARDEN_TLS_CERT names a file without a certificate in PEM: ${certFile}`)
  const secret = parsed(() => createPrivateKey(key))
  if (!secret)
    throw new ConfigError(`PORTWARDEN_TLS_KEY names a file without a key in PEM, or with a passphrase: ${keyFile}`)
  if (!leaf.checkPrivateKey(secret))
    throw new ConfigError('PORTWARDEN_TLS_KEY is not the key of the certificate of PORTWARDEN_TLS_CERT')
  return { cert, key, certFile }
}

function parsed<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch {
    return undefined // its message could quote the secret
  }
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || (isIP(host) !== 0 && ipaddr.process(host).range() === 'loopback')
