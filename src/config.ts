import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { ConfigError, type Place, readPlaces } from './config-places.ts'

export { ConfigError, type Place }

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
  /** The vantages that this process looks from. */
  places: [Place, ...Place[]]
  /** For one try of one probe. */
  probeTimeoutMs: number
  /** Open sockets of all probes of this process. */
  sockets: number
  socketsPerHost: number
  /** Batches at the same time, of each vantage. */
  batches: number
  /** How long findings are kept; spans, baselines and summaries of audits stay. */
  retentionDays: number
  /** How long a stop waits for what is running. */
  graceMs: number
  logLevel: string
}

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
  return Object.freeze({
    host: text('HOST', '127.0.0.1'),
    port: integer('PORT', 8080, [0, 65_535]),
    dataDir: resolve(text('PORTWARDEN_DATA_DIR', '.portwarden')),
    databaseUrl: databaseUrl(env.DATABASE_URL),
    databaseConnections: integer('PORTWARDEN_DATABASE_CONNECTIONS', 10, [2, 100]),
    places: readPlaces(env),
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
