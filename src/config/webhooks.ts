import { isTimeZone, readCron } from '../domain/schedules.ts'
import { parseSealKeys, type SealKeys } from '../domain/webhooks/seal-keys.ts'
import type { AllowEntry } from '../probes/network/egress-policy.ts'
import { ConfigError, type Values } from './env.ts'
import { loopbackAndPrivate, readAllow } from './vantages.ts'

export interface WebhookSettings {
  /** The networks that webhooks may reach. */
  allow: readonly AllowEntry[]
  /** Whether plain HTTP may leave this machine. */
  plainHttp: boolean
  /** For one attempt. */
  timeoutMs: number
  /** The pause before each retry. */
  retrySeconds: readonly number[]
  /** Receivers of one key that get callbacks at the same time. */
  receiversPerKey: number
  /** Retention of finished deliveries. */
  retentionDays: number
  /** When digests are due. */
  digest: { cron: string; timeZone: string }
}

const retrySchedule = '5,30,300,1800,7200,18000,36000,50400'

export const readWebhooks = ({ text, checked, integer, flag }: Values): WebhookSettings => ({
  allow: readAllow(text('PORTWARDEN_WEBHOOK_ALLOW', loopbackAndPrivate), 'PORTWARDEN_WEBHOOK_ALLOW'),
  plainHttp: flag('PORTWARDEN_WEBHOOK_PLAIN_HTTP'),
  timeoutMs: integer('PORTWARDEN_WEBHOOK_TIMEOUT_MS', 10_000, [100, 60_000]),
  retrySeconds: checked('PORTWARDEN_WEBHOOK_RETRY_SECONDS', retrySchedule, {
    valid: (value) => /^\d{1,6}(,\d{1,6}){0,29}$/.test(value),
    example: retrySchedule,
  })
    .split(',')
    .map(Number),
  receiversPerKey: integer('PORTWARDEN_CALLBACK_RECEIVERS', 8, [1, 64]),
  retentionDays: integer('PORTWARDEN_WEBHOOK_RETENTION_DAYS', 30, [1, 3_650]),
  digest: {
    cron: checked('PORTWARDEN_DIGEST_CRON', '0 6 * * *', { valid: isDailyCron, example: '30 7 * * 1-5' }),
    timeZone: checked('PORTWARDEN_DIGEST_TIME_ZONE', 'UTC', { valid: isTimeZone, example: 'Europe/Berlin' }),
  },
})

/** With one minute and one hour it is due at most once a day. */
const isDailyCron = (text: string) => /^([0-5]?\d) ([01]?\d|2[0-3]) /.test(readCron(text) ?? '')

/** The keys that seal secrets in the database. */
export function readSealKeys({ secret }: Values): SealKeys | undefined {
  const text = secret('PORTWARDEN_SECRET_KEY')
  if (text === undefined) return undefined
  const keys = parseSealKeys(text)
  if (keys) return keys
  throw new ConfigError(
    'PORTWARDEN_SECRET_KEY is not valid: it must be 32 bytes in base64, as printed by `openssl rand -base64 32`, or several such keys',
  )
}
