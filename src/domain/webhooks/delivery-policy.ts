import { type Severity, severities } from '../policy/policy.ts'

/** Standard Webhooks, ServiceNow Event Management, Jira Service Management alerts. */
export const webhookFormats = ['standard', 'servicenow-em', 'jira-ops'] as const
export type WebhookFormat = (typeof webhookFormats)[number]

/** What can share an alert. */
export const groupings = ['target'] as const
export type GroupBy = (typeof groupings)[number]

/** A condition applies only to events that have the trait. */
export interface WebhookFilter {
  policies?: string[]
  /** The target must have all of these labels. */
  labels?: Record<string, string>
  minSeverity?: Severity
}

/** The traits of an event that filters compare. */
export interface EventTraits {
  policy?: string
  /** Labels of each affected target; one must match. */
  labels?: readonly Record<string, string>[]
  severity?: Severity
}

export function passes({ policies, labels, minSeverity }: WebhookFilter, traits: EventTraits): boolean {
  if (policies && traits.policy !== undefined && !policies.includes(traits.policy)) return false
  if (labels && traits.labels && !traits.labels.some((of) => hasLabels(of, labels))) return false
  return !minSeverity || !traits.severity || severities.indexOf(traits.severity) >= severities.indexOf(minSeverity)
}

const hasLabels = (of: Record<string, string>, wanted: Record<string, string>) =>
  Object.entries(wanted).every(([key, value]) => of[key] === value)

/** A delivery attempt; `status`: null without a response. */
export interface Attempt {
  status: number | null
  error: string | null
  durationMs: number
  /** From the header `Retry-After`. */
  retryAfterSeconds?: number
}

/** What happens to a delivery after an attempt. */
export type Settlement =
  | { status: 'delivered' }
  | { status: 'waiting'; nextAt: Date }
  /** A dead letter; `gone`: the receiver unsubscribed with 410. */
  | { status: 'dead'; gone: boolean }

const maxRetryAfterSeconds = 86_400

/** 2xx delivers, 410 ends, anything else retries after each of `retrySeconds` in turn. */
export function settle(
  attempt: Attempt,
  { attempts, now, retrySeconds }: { attempts: number; now: Date; retrySeconds: readonly number[] },
): Settlement {
  const { status, retryAfterSeconds = 0 } = attempt
  if (status !== null && status >= 200 && status < 300) return { status: 'delivered' }
  const wait = retrySeconds[attempts]
  if (status === 410 || wait === undefined) return { status: 'dead', gone: status === 410 }
  const seconds = Math.max(wait, Math.min(retryAfterSeconds, maxRetryAfterSeconds))
  return { status: 'waiting', nextAt: new Date(now.getTime() + seconds * 1000) }
}
