import { type Severity, severities } from '../policy/policy.ts'

/** How an event is written: Standard Webhooks, ServiceNow Event Management, alerts of Jira Service Management. */
export const webhookFormats = ['standard', 'servicenow-em', 'jira-ops'] as const
export type WebhookFormat = (typeof webhookFormats)[number]

/** What a webhook is told of. A condition counts for the events that have what it asks for. */
export interface WebhookFilter {
  policies?: string[]
  /** Labels that a target must have, all of them. */
  labels?: Record<string, string>
  minSeverity?: Severity
}

/** What an event has of what filters ask for. */
export interface EventTraits {
  policy?: string
  /** Of the targets that it is about: one of them must fit. */
  labels?: readonly Record<string, string>[]
  severity?: Severity
}

/** Whether an event passes a filter. */
export function passes({ policies, labels, minSeverity }: WebhookFilter, traits: EventTraits): boolean {
  if (policies && traits.policy !== undefined && !policies.includes(traits.policy)) return false
  if (labels && traits.labels && !traits.labels.some((of) => hasLabels(of, labels))) return false
  return !minSeverity || !traits.severity || severities.indexOf(traits.severity) >= severities.indexOf(minSeverity)
}

const hasLabels = (of: Record<string, string>, wanted: Record<string, string>) =>
  Object.entries(wanted).every(([key, value]) => of[key] === value)

/** What came of one try to deliver; `status` is null where no answer came. */
export interface Attempt {
  status: number | null
  error: string | null
  durationMs: number
  /** What the receiver asked for with `Retry-After`. */
  retryAfterSeconds?: number
}

/** What becomes of a delivery after a try. */
export type Settlement =
  | { status: 'delivered' }
  | { status: 'waiting'; nextAt: Date }
  /** A dead letter; `gone`: the receiver wants to hear nothing any more. */
  | { status: 'dead'; gone: boolean }

const longestWaitSeconds = 86_400

/** Any 2xx is a delivery, 410 the end, all else is tried again after each of `retrySeconds` in turn. */
export function settle(
  attempt: Attempt,
  { attempts, now, retrySeconds }: { attempts: number; now: Date; retrySeconds: readonly number[] },
): Settlement {
  const { status, retryAfterSeconds = 0 } = attempt
  if (status !== null && status >= 200 && status < 300) return { status: 'delivered' }
  const wait = retrySeconds[attempts]
  if (status === 410 || wait === undefined) return { status: 'dead', gone: status === 410 }
  const seconds = Math.max(wait, Math.min(retryAfterSeconds, longestWaitSeconds))
  return { status: 'waiting', nextAt: new Date(now.getTime() + seconds * 1000) }
}
