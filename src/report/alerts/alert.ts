import type { Severity } from '../../domain/policy/policy.ts'
import type { TicketFinding } from '../../domain/webhooks/tickets.ts'

/** An event of a webhook, whoever it is told to. */
interface EventPayload {
  type: string
  timestamp: string
  data: Record<string, unknown>
}

/** An event as tools of operations see things: what is wrong where, how badly, and under which key it is cleared. */
export interface Notice {
  key: string
  /** `clear`: there is nothing to do. It ends what was opened under its key, and opens nothing itself. */
  level: Severity | 'clear'
  /** The host that it is about, or the service itself. */
  node: string
  type: string
  resource: string
  metric: string
  message: string
  at: string
  data: Record<string, unknown>
}

const service = 'portwarden'

/** Reads an event. The same thing has the same key, from its first event to the one that clears it. */
export function noticeOf({ type, timestamp, data }: EventPayload): Notice {
  const about = readers[type]?.(data) ?? { key: type, level: 'clear' as const, message: type }
  return {
    node: service,
    resource: '',
    metric: '',
    ...about,
    key: `${service}:${about.key}`,
    type,
    at: timestamp,
    data,
  }
}

type About = Pick<Notice, 'key' | 'level' | 'message'> & Partial<Notice>

const readers: Record<string, (data: Record<string, unknown>) => About> = {
  'finding.opened': (data) => ({ ...aboutFinding(data), level: findingOf(data).severity }),
  'finding.still-open': (data) => ({ ...aboutFinding(data), level: findingOf(data).severity }),
  'finding.resolved': (data) => ({ ...aboutFinding(data), level: 'clear' }),
  'audit.completed': ({ audit }) => {
    const { id, verdict, status, policy } = audit as {
      id: string
      verdict: string
      status: string
      policy: { name: string }
    }
    return {
      key: `audit:${id}`,
      level: 'clear',
      resource: policy.name,
      message: `audit of ${policy.name}: ${status}, ${verdict}`,
    }
  },
  'drift.detected': ({ policy, audit, summary }) => {
    const counts = Object.entries(summary as Record<string, number>).filter(([, count]) => count > 0)
    const said = counts.map(([kind, count]) => `${count} ${kind}`).join(', ')
    return { key: `drift:${audit}`, level: 'clear', resource: String(policy), message: `drift in ${policy}: ${said}` }
  },
  'window.still-open': (data) => ({ ...aboutWindow(data, 'is still open after its end'), level: 'high' }),
  'window.closed': (data) => ({ ...aboutWindow(data, 'is shut'), level: 'clear' }),
  'vantage.absent': (data) => ({ ...aboutVantage(data, 'is absent'), level: 'medium' }),
  'vantage.returned': (data) => ({ ...aboutVantage(data, 'is back'), level: 'clear' }),
  'schedule.missed': (data) => ({
    ...aboutSchedule(data, `had no audit for ${data.count} of its ticks`),
    level: 'low',
  }),
  'schedule.resumed': (data) => ({ ...aboutSchedule(data, 'has an audit again'), level: 'clear' }),
}

const findingOf = ({ finding }: Record<string, unknown>) => finding as TicketFinding

function aboutFinding(data: Record<string, unknown>) {
  const { fingerprint, target, rule, vantage, title, reason } = findingOf(data)
  const stands = data.resolution === undefined ? 'fails' : `is resolved (${data.resolution})`
  const message = `${target} ${stands}, seen from ${vantage}: ${title}: ${reason.message}`
  return { key: fingerprint, node: target, resource: rule, metric: vantage, message }
}

function aboutWindow({ window }: Record<string, unknown>, what: string) {
  const { id, ticket, rules } = window as { id: string; ticket: string; rules: string[] }
  return { key: `window:${id}`, resource: rules.join(' '), message: `the door of window ${ticket} ${what}` }
}

function aboutSchedule({ schedule }: Record<string, unknown>, what: string) {
  return { key: `schedule:${schedule}`, resource: String(schedule), message: `schedule ${schedule} ${what}` }
}

function aboutVantage({ vantage }: Record<string, unknown>, what: string) {
  const { name } = vantage as { name: string }
  return { key: `vantage:${name}`, resource: name, message: `vantage ${name} ${what}` }
}
