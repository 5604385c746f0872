import type { Severity } from '../../domain/policy/policy.ts'
import type {
  AnyEventType,
  EventData,
  EventPayload,
  FindingGroup,
  WindowResolution,
} from '../../domain/webhooks/events.ts'

/** An event in the terms of alert management. Events with the same key belong to one alert. */
export interface Alert {
  key: string
  /** `clear` closes the alert with this key, if any, and opens none. */
  level: Severity | 'clear'
  /** The target, or the service itself. */
  node: string
  type: string
  resource: string
  metric: string
  message: string
  /** The page that shows more; null: none. */
  url: string | null
  at: string
  data: object
}

const service = 'portwarden'

export function toAlert<T extends AnyEventType>({ type, timestamp, data }: EventPayload<T>): Alert {
  const about = renderers[type](data)
  return {
    node: service,
    resource: '',
    metric: '',
    url: urlOf(data),
    ...about,
    key: `${service}:${about.key}`,
    type,
    at: timestamp,
    data,
  }
}

function urlOf(data: EventData[AnyEventType]): string | null {
  if ('finding' in data) return data.finding.url
  if ('auditUrl' in data) return data.auditUrl
  return 'url' in data ? data.url : null
}

type AlertFields = Pick<Alert, 'key' | 'level' | 'message'> & Partial<Alert>

const renderers: { [T in AnyEventType]: (data: EventData[T]) => AlertFields } = {
  ping: () => ({ key: 'ping', level: 'clear', message: 'ping' }),
  'finding.opened': (data) => ({ ...aboutFinding(data, 'fails'), level: data.finding.severity }),
  'finding.still-open': (data) => ({ ...aboutFinding(data, 'fails'), level: data.finding.severity }),
  'finding.resolved': (data) => ({ ...aboutFinding(data, `is resolved (${data.resolution})`), level: 'clear' }),
  'audit.completed': ({ audit: { id, policy, status, verdict } }) => ({
    key: `audit:${id}`,
    level: 'clear',
    resource: policy.name,
    message: `audit of ${policy.name}: ${status}, ${verdict}`,
  }),
  'drift.detected': ({ policy, audit, summary }) => {
    const counts = Object.entries(summary).filter(([, count]) => count > 0)
    const text = counts.map(([kind, count]) => `${count} ${kind}`).join(', ')
    return { key: `drift:${audit}`, level: 'clear', resource: policy, message: `drift in ${policy}: ${text}` }
  },
  'window.still-open': (data) => ({ ...aboutWindow(data, 'is still open after its end'), level: 'high' }),
  'window.closed': (data) => ({ ...aboutWindow(data, windowResolved[data.resolution]), level: 'clear' }),
  'vantage.absent': (data) => ({ ...aboutVantage(data, 'is absent'), level: 'medium' }),
  'vantage.returned': (data) => ({ ...aboutVantage(data, 'is present again'), level: 'clear' }),
  'schedule.missed': (data) => ({
    ...aboutSchedule(data, `missed ${data.count} runs`),
    level: 'low',
  }),
  'schedule.resumed': (data) => ({
    ...aboutSchedule(data, data.resolution === 'deleted' ? 'was deleted' : 'runs again'),
    level: 'clear',
  }),
  'digest.daily': ({ to, summary }) => ({ key: `digest:${to}`, level: 'clear', message: summary }),
}

function aboutFinding({ finding, group }: EventData['finding.opened'], what: string) {
  if (group) return aboutGroup(finding.target, group, what)
  const { fingerprint, target, rule, vantage, title, reason } = finding
  const message = `${target} ${what}, seen from ${vantage}: ${title}: ${reason.message}`
  return { key: fingerprint, node: target, resource: rule, metric: vantage, message }
}

function aboutGroup(target: string, { id, count, failing }: FindingGroup, what: string) {
  const rules =
    count > 0
      ? `: ${count} ${count === 1 ? 'finding' : 'findings'}: ${failing.map(({ title }) => title).join('; ')}`
      : ''
  return { key: `target:${id}`, node: target, message: `${target} ${what}${rules}` }
}

const windowResolved: Record<WindowResolution, string> = {
  closed: 'is closed',
  notapplicable: 'does not apply any more',
  'out-of-scope': 'is out of scope',
}

function aboutWindow({ window: { id, ticket, rules } }: EventData['window.still-open'], what: string) {
  return { key: `window:${id}`, resource: rules.join(' '), message: `the exposure of window ${ticket} ${what}` }
}

function aboutSchedule({ schedule }: { schedule: string }, what: string) {
  return { key: `schedule:${schedule}`, resource: schedule, message: `schedule ${schedule} ${what}` }
}

function aboutVantage({ vantage: { name } }: EventData['vantage.absent'], what: string) {
  return { key: `vantage:${name}`, resource: name, message: `vantage ${name} ${what}` }
}
