import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { ConfigError, createValues, readSecret, refused } from './env.ts'
import { readLedgerKeys } from './ledger.ts'
import { readTokenRules } from './oidc.ts'
import { type Listening, readListening, readTls } from './server.ts'
import { readVantages, type VantageConfig } from './vantages.ts'
import { readSecretKey, readWebhooks, type WebhookSettings } from './webhooks.ts'

export { ConfigError, type Listening, readLedgerKeys, readSecret, readTls, type VantageConfig }

/** Of this program, as package.json has it. */
export const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

/** Everything that the environment decides, checked and frozen. */
export interface Config {
  listening: Listening
  /** Whose tokens are taken beside keys; undefined: nobody's. */
  tokens: ReturnType<typeof readTokenRules>
  dataDir: string
  /** Undefined: the embedded PostgreSQL in the data directory. */
  databaseUrl: string | undefined
  databaseConnections: number
  /** Undefined: a key of its own in the data directory. */
  ledgerKeys: ReturnType<typeof readLedgerKeys>
  /** The vantages that this process looks from. */
  vantages: [VantageConfig, ...VantageConfig[]]
  /** For one try of one probe. */
  probeTimeoutMs: number
  /** Open sockets of all probes of this process. */
  sockets: number
  socketsPerHost: number
  /** Batches at the same time, of each vantage. */
  batches: number
  /** How long findings are kept; spans, baselines and summaries of audits stay. */
  retentionDays: number
  webhooks: WebhookSettings
  /** Seals secrets in the database; undefined: the one in the data directory. */
  secretKey: Uint8Array | undefined
  /** How long a stop waits for what is running. */
  graceMs: number
  /** Where this machine reads the metrics without a key; undefined: nowhere. */
  metricsPort: number | undefined
  /** The OTLP/HTTP receiver of traces; undefined: nothing is traced. */
  otlpEndpoint: string | undefined
  logLevel: string
}

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

/** Reads the configuration; throws ConfigError at the first value that is not valid. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const values = createValues(env)
  const { text, checked, integer } = values
  return Object.freeze({
    listening: readListening(env),
    tokens: readTokenRules(env),
    dataDir: resolve(text('PORTWARDEN_DATA_DIR', '.portwarden')),
    databaseUrl: databaseUrl(values.secret('DATABASE_URL')),
    databaseConnections: integer('PORTWARDEN_DATABASE_CONNECTIONS', 10, [2, 100]),
    ledgerKeys: readLedgerKeys(values.secret('PORTWARDEN_LEDGER_KEY')),
    vantages: readVantages(env),
    probeTimeoutMs: integer('PORTWARDEN_PROBE_TIMEOUT_MS', 2_000, [50, 30_000]),
    sockets: integer('PORTWARDEN_SOCKETS', 1_000, [1, 20_000]),
    socketsPerHost: integer('PORTWARDEN_SOCKETS_PER_HOST', 4, [1, 100]),
    batches: integer('PORTWARDEN_BATCHES', 4, [1, 64]),
    retentionDays: integer('PORTWARDEN_RETENTION_DAYS', 400, [1, 36_500]),
    webhooks: readWebhooks(values),
    secretKey: readSecretKey(values),
    graceMs: integer('PORTWARDEN_GRACE_MS', 15_000, [0, 600_000]),
    metricsPort: env.PORTWARDEN_METRICS_PORT ? integer('PORTWARDEN_METRICS_PORT', 9115, [0, 65_535]) : undefined,
    otlpEndpoint: env.OTEL_EXPORTER_OTLP_ENDPOINT
      ? checked('OTEL_EXPORTER_OTLP_ENDPOINT', '', { valid: isHttpUrl, example: 'http://127.0.0.1:4318' })
      : undefined,
    logLevel: checked('PORTWARDEN_LOG_LEVEL', 'info', { valid: (value) => logLevels.includes(value), example: 'info' }),
  })
}

const isHttpUrl = (value: string) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)

function databaseUrl(value: string | undefined): string | undefined {
  if (!value) return undefined
  const url = URL.canParse(value) ? new URL(value) : undefined
  // An unencoded @, # or / in the password moves part of it into the host, the path or the fragment.
  const isWhole = url !== undefined && url.hash === '' && !`${url.pathname}${url.search}`.includes('@')
  if (isWhole && /^postgres(ql)?:$/.test(url.protocol)) return value
  throw refused(
    'DATABASE_URL',
    'postgresql://portwarden:secret@db.example.org/portwarden (encode @ as %40, # as %23, / as %2F)',
  )
}
