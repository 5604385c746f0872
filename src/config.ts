import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { resolve } from 'node:path'
import ipaddr from 'ipaddr.js'
import { isHost } from './domain/endpoint.ts'
import type { CredentialGrant } from './probes/credentials.ts'
import { type AllowEntry, createEgressPolicy, parseAllow } from './probes/egress.ts'

/** Of this program, as package.json has it. */
export const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string
}

/** Everything that the environment decides, checked and frozen. */
export interface Config {
  host: string
  port: number
  dataDir: string
  /** Undefined: the embedded PostgreSQL in the data directory. */
  databaseUrl: string | undefined
  databaseConnections: number
  vantage: { name: string; zones: string[] }
  /** Endpoints that answer whenever this vantage is online. */
  canary: { host: string; port: number }[]
  allow: readonly AllowEntry[]
  credentials: CredentialGrant[]
  /** For one try of one probe. */
  probeTimeoutMs: number
  /** Open sockets of all probes of this process. */
  sockets: number
  socketsPerHost: number
  /** Batches at the same time. */
  batches: number
  /** How long findings are kept; spans, baselines and summaries of audits stay. */
  retentionDays: number
  /** How long a stop waits for what is running. */
  graceMs: number
  logLevel: string
}

/** Thrown at start; names the variable and shows a valid example. */
export class ConfigError extends Error {}

const loopbackAndPrivate = '127.0.0.0/8,::1/128,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7'
const name = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/
const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

/** Reads the configuration; throws ConfigError at the first value that is not valid. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const text = (variable: string, fallback: string) => env[variable] || fallback
  const checked = (
    variable: string,
    fallback: string,
    rule: { valid: (value: string) => boolean; example: string },
  ) => {
    const value = text(variable, fallback)
    if (!rule.valid(value))
      throw new ConfigError(`${variable} is not valid; a valid example: ${variable}=${rule.example}`)
    return value
  }
  const integer = (variable: string, fallback: number, [least, most]: [number, number]) => {
    const inRange = (value: string) => /^\d+$/.test(value) && Number(value) >= least && Number(value) <= most
    return Number(checked(variable, String(fallback), { valid: inRange, example: String(fallback) }))
  }
  const zones = checked('PORTWARDEN_ZONES', 'client', {
    valid: (value) => value.split(',').every((zone) => name.test(zone.trim())),
    example: 'client,untrusted',
  })
  const allow = readAllow(text('PORTWARDEN_ALLOW', loopbackAndPrivate))
  return Object.freeze({
    host: text('HOST', '127.0.0.1'),
    port: integer('PORT', 8080, [0, 65_535]),
    dataDir: resolve(text('PORTWARDEN_DATA_DIR', '.portwarden')),
    databaseUrl: databaseUrl(env.DATABASE_URL),
    databaseConnections: integer('PORTWARDEN_DATABASE_CONNECTIONS', 10, [2, 100]),
    vantage: {
      name: checked('PORTWARDEN_VANTAGE', 'local', { valid: (value) => name.test(value), example: 'branch-office' }),
      zones: zones.split(',').map((zone) => zone.trim()),
    },
    canary: readCanary(text('PORTWARDEN_CANARY', ''), allow),
    allow,
    credentials: readGrants(text('PORTWARDEN_CREDENTIALS', '')),
    probeTimeoutMs: integer('PORTWARDEN_PROBE_TIMEOUT_MS', 2_000, [50, 30_000]),
    sockets: integer('PORTWARDEN_SOCKETS', 1_000, [1, 20_000]),
    socketsPerHost: integer('PORTWARDEN_SOCKETS_PER_HOST', 4, [1, 100]),
    batches: integer('PORTWARDEN_BATCHES', 4, [1, 64]),
    retentionDays: integer('PORTWARDEN_RETENTION_DAYS', 400, [1, 36_500]),
    graceMs: integer('PORTWARDEN_GRACE_MS', 15_000, [0, 600_000]),
    logLevel: checked('PORTWARDEN_LOG_LEVEL', 'info', { valid: (value) => logLevels.includes(value), example: 'info' }),
  })
}

function databaseUrl(value: string | undefined): string | undefined {
  if (!value) return undefined
  if (URL.canParse(value) && /^postgres(ql)?:$/.test(new URL(value).protocol)) return value
  throw new ConfigError(
    'DATABASE_URL is not valid; a valid example: DATABASE_URL=postgresql://portwarden:secret@db.example.org/portwarden',
  )
}

function readAllow(value: string): readonly AllowEntry[] {
  try {
    return parseAllow(value)
  } catch (error) {
    throw new ConfigError(`PORTWARDEN_ALLOW is not valid: ${error instanceof Error ? error.message : error}`)
  }
}

/** `HOST:PORT,HOST:PORT…`, an IPv6 address in brackets. One that may not be dialled would make the vantage look cut off. */
function readCanary(value: string, allow: readonly AllowEntry[]): { host: string; port: number }[] {
  const egress = createEgressPolicy({ allow })
  const entries = value.split(',').filter((entry) => entry.trim() !== '')
  return entries.map((entry) => {
    const [, bracketed, plain, port] = /^\s*(?:\[([^\]]+)\]|([^:\s]+)):(\d{1,5})\s*$/.exec(entry) ?? []
    const host = bracketed ?? plain ?? ''
    if (!isHost(host) || Number(port) < 1 || Number(port) > 65_535) {
      throw new ConfigError(
        'PORTWARDEN_CANARY is not valid; a valid example: PORTWARDEN_CANARY=10.0.0.1:443,[fd00::1]:22',
      )
    }
    if (isIP(host) !== 0 && !egress.permits(host, Number(port))) {
      throw new ConfigError(
        `PORTWARDEN_CANARY names ${entry.trim()}, which PORTWARDEN_ALLOW does not allow: add its network`,
      )
    }
    return { host, port: Number(port) }
  })
}

/** `REF@CIDR,REF@CIDR…`: which credential references this vantage may use, and to which networks they may be sent. */
function readGrants(value: string): CredentialGrant[] {
  const entries = value.split(',').filter((entry) => entry.trim() !== '')
  return entries.map((entry) => {
    const [, ref, cidr] = /^\s*((?:env:[A-Za-z_]\w*|file:\/[^@,]+))@([^@\s]+)\s*$/.exec(entry) ?? []
    if (!ref || !cidr || !ipaddr.isValidCIDR(cidr)) {
      throw new ConfigError(
        'PORTWARDEN_CREDENTIALS is not valid; a valid example: PORTWARDEN_CREDENTIALS=env:AD_AUDIT@10.0.0.0/8',
      )
    }
    return { ref, destinations: [cidr] }
  })
}
