import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { readLibpqUrl } from '../encoding/libpq-url.ts'
import type { ConnectorKind } from '../probes/network/connector/open.ts'
import { type ConsoleSettings, readConsole } from './console.ts'
import { ConfigError, createValues, readSecret, refused } from './env.ts'
import { readLedgerKeys } from './ledger.ts'
import { readSignIn, readTokenRules } from './oidc.ts'
import { type Listening, readListening, readTls } from './server.ts'
import { readVantages, type VantageConfig } from './vantages.ts'
import { readSealKeys, readWebhooks, type WebhookSettings } from './webhooks.ts'

export { ConfigError, type Listening, readLedgerKeys, readSecret, readTls, type VantageConfig }

/** The version of this program. */
export const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

/** The configuration, checked and frozen. */
export interface Config {
  listening: Listening
  /** The issuer whose tokens are accepted beside keys, if any. */
  tokens: ReturnType<typeof readTokenRules>
  /** How people sign in at that issuer; undefined: they do not. */
  signIn: ReturnType<typeof readSignIn>
  dataDir: string
  /** Undefined: the embedded PostgreSQL in the data directory. */
  databaseUrl: string | undefined
  /** PostgreSQL itself, where `databaseUrl` leads to a pooler. */
  databaseDirectUrl: string | undefined
  /** A streaming replica for reports and exports. */
  databaseReplicaUrl: string | undefined
  databaseConnections: number
  /** How long a start waits for a database that is away. */
  databaseWaitMs: number
  /** Undefined: the key file in the data directory. */
  ledgerKeys: ReturnType<typeof readLedgerKeys>
  /** The vantages that this process serves. */
  vantages: [VantageConfig, ...VantageConfig[]]
  /** For one attempt of one probe. */
  probeTimeoutMs: number
  /** Which connector opens connections; `auto` prefers system calls. */
  connector: ConnectorKind
  /** The limit of open probe sockets. */
  sockets: number
  socketsPerHost: number
  /** How long an audit waits for a vantage that was absent before it began. */
  vantageWaitMs: number
  /** Concurrent batches per vantage. */
  batches: number
  /** Retention of findings; spans, baselines and audit summaries stay. */
  retentionDays: number
  webhooks: WebhookSettings
  /** They seal secrets in the database; undefined: the key file in the data directory. */
  sealKeys: ReturnType<typeof readSealKeys>
  /** The pages for people; undefined: none. */
  console: ConsoleSettings | undefined
  /** How long a stop waits for running work. */
  graceMs: number
  /** The loopback port that serves metrics without a key. */
  metricsPort: number | undefined
  /** Whether audits have the paths to newly blocked ports traced. */
  traceChanges: boolean
  /** The OTLP/HTTP receiver of traces; undefined: no tracing. */
  otlpEndpoint: string | undefined
  logLevel: string
}

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

/** Reads the configuration; throws ConfigError for the first invalid value. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const values = createValues(env)
  const { text, checked, integer } = values
  const [listening, tokens] = [readListening(env), readTokenRules(env)]
  return Object.freeze({
    listening,
    tokens,
    signIn: readSignIn(values, tokens?.issuer, listening.publicUrl),
    dataDir: resolve(text('PORTWARDEN_DATA_DIR', '.portwarden')),
    databaseUrl: databaseUrl(values.secret('DATABASE_URL'), 'DATABASE_URL'),
    databaseDirectUrl: databaseUrl(values.secret('DATABASE_DIRECT_URL'), 'DATABASE_DIRECT_URL'),
    databaseReplicaUrl: databaseUrl(values.secret('DATABASE_REPLICA_URL'), 'DATABASE_REPLICA_URL'),
    databaseConnections: integer('PORTWARDEN_DATABASE_CONNECTIONS', 10, [2, 100]),
    databaseWaitMs: integer('PORTWARDEN_DATABASE_WAIT_MS', 60_000, [0, 86_400_000]),
    ledgerKeys: readLedgerKeys(values.secret('PORTWARDEN_LEDGER_KEY')),
    vantages: readVantages(env),
    probeTimeoutMs: integer('PORTWARDEN_PROBE_TIMEOUT_MS', 2_000, [50, 30_000]),
    connector: checked('PORTWARDEN_CONNECTOR', 'auto', { valid: isConnector, example: 'auto' }) as ConnectorKind,
    sockets: integer('PORTWARDEN_SOCKETS', 1_000, [1, 20_000]),
    socketsPerHost: integer('PORTWARDEN_SOCKETS_PER_HOST', 4, [1, 100]),
    vantageWaitMs: integer('PORTWARDEN_VANTAGE_WAIT_MS', 60_000, [0, 86_400_000]),
    batches: integer('PORTWARDEN_BATCHES', 4, [1, 64]),
    retentionDays: integer('PORTWARDEN_RETENTION_DAYS', 400, [1, 36_500]),
    traceChanges: checked('PORTWARDEN_TRACES', 'changes', { valid: isTraces, example: 'requests' }) === 'changes',
    webhooks: readWebhooks(values),
    sealKeys: readSealKeys(values),
    console: readConsole(values),
    graceMs: integer('PORTWARDEN_GRACE_MS', 15_000, [0, 600_000]),
    metricsPort: env.PORTWARDEN_METRICS_PORT ? integer('PORTWARDEN_METRICS_PORT', 9115, [0, 65_535]) : undefined,
    otlpEndpoint: env.OTEL_EXPORTER_OTLP_ENDPOINT
      ? checked('OTEL_EXPORTER_OTLP_ENDPOINT', '', { valid: isHttpUrl, example: 'http://127.0.0.1:4318' })
      : undefined,
    logLevel: checked('PORTWARDEN_LOG_LEVEL', 'info', { valid: (value) => logLevels.includes(value), example: 'info' }),
  })
}

const isConnector = (value: string) => /^(auto|node)$/.test(value)

const isTraces = (value: string) => /^(changes|requests)$/.test(value)

const isHttpUrl = (value: string) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)

function databaseUrl(value: string | undefined, name: string): string | undefined {
  if (!value) return undefined
  const url = readLibpqUrl(value)
  // An unencoded @, # or / in the password moves part of it into the host, the path or the fragment.
  const isWhole = url !== undefined && url.hash === '' && !`${url.pathname}${url.search}`.includes('@')
  if (isWhole && /^postgres(ql)?:$/.test(url.protocol)) return value
  throw refused(name, 'postgresql://portwarden:secret@db.example.org/portwarden (encode @ as %40, # as %23, / as %2F)')
}
