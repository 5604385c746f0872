import type { Audit } from '../../domain/audits.ts'
import { type PolicyDocument, severities } from '../../domain/policy/policy.ts'
import { countFailures, type NewestDelivery, nextAlert } from '../../domain/webhooks/alerts.ts'
import { passes } from '../../domain/webhooks/delivery-policy.ts'
import { failureOf, type Resolution, type TicketFinding } from '../../domain/webhooks/tickets.ts'
import type { PageUrls } from '../../report/page-urls.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { Alert } from '../../store/webhooks/alerts.ts'
import type { SeenFinding, Ticket } from '../../store/webhooks/tickets.ts'
import type { Webhook } from '../../store/webhooks/webhooks.ts'
import { type FindingStep, shareEvents } from './finding-events.ts'
import type { Outgoing } from './message.ts'

interface EndedAudit {
  audit: Audit
  document: PolicyDocument
  at: Date
  pages: PageUrls
}

interface GroupedFinding {
  group: string
  finding: TicketFinding
}

/** What one webhook knew before the audit. */
interface Known {
  tickets: ReadonlyMap<string, Ticket>
  alerts: ReadonlyMap<string, Alert>
  newest: ReadonlyMap<string, NewestDelivery>
  /** Fingerprints that no audit includes any more. */
  gone: ReadonlySet<string>
}

/** What the audit changes for webhooks. */
interface Changes {
  tickets: { saved: Ticket[]; removed: Ticket[] }
  alerts: { saved: Alert[]; removed: Alert[] }
}

/**
 * Turns the findings of an audit into steps of alerts. Each webhook has its own alerts: for each failure it gets opened,
 * still-open and resolved in this order, independently of other webhooks.
 */
export async function fanOutFindings(
  stores: Stores,
  webhooks: readonly Webhook[],
  ended: EndedAudit,
): Promise<Outgoing> {
  const seen = (await stores.tickets.seen(ended.audit.id)).map(({ group, finding }) => ({
    group,
    finding: withRule(finding, ended),
  }))
  const ids = webhooks.map(({ id }) => id)
  const tickets = Map.groupBy(await stores.tickets.of(ids), ({ webhookId }) => webhookId)
  const all = await stores.alerts.of(ids)
  const alerts = Map.groupBy(all, ({ webhookId }) => webhookId)
  const newest = Map.groupBy(await stores.alerts.newest(all), ({ webhookId }) => webhookId)
  const gone = await stores.tickets.gone([...new Set([...tickets.values()].flat().map((ticket) => ticket.fingerprint))])

  const outgoing: Outgoing = { events: [], deliveries: [] }
  const changes: Changes = { tickets: { saved: [], removed: [] }, alerts: { saved: [], removed: [] } }
  const eventOf = shareEvents(outgoing, ended)
  for (const webhook of webhooks) {
    const known: Known = {
      tickets: new Map(tickets.get(webhook.id)?.map((ticket) => [ticket.fingerprint, ticket])),
      alerts: new Map(alerts.get(webhook.id)?.map((alert) => [alert.series, alert])),
      newest: new Map(newest.get(webhook.id)?.map((delivery) => [delivery.series, delivery])),
      gone,
    }
    for (const step of stepsOf(webhook, { seen, known, changes, at: ended.at })) {
      if (!webhook.events.includes(step.type)) continue
      const lane = `audit/${ended.audit.id}`
      outgoing.deliveries.push({ webhookId: webhook.id, eventId: eventOf(step), lane, series: step.series })
    }
  }
  await stores.tickets.remove(changes.tickets.removed)
  await stores.tickets.save(changes.tickets.saved)
  await stores.alerts.remove(changes.alerts.removed)
  await stores.alerts.save(changes.alerts.saved)
  return outgoing
}

interface Inputs {
  seen: readonly GroupedFinding[]
  known: Known
  changes: Changes
  at: Date
}

/** Counts the failures of one webhook, and returns the steps of its alerts. */
function stepsOf(webhook: Webhook, { seen, known, changes, at }: Inputs): FindingStep[] {
  const failing = new Map([...known.tickets].map(([key, ticket]) => [key, ticket]))
  /** Of each alert that this audit says something of: the last finding that does not fail any more. */
  const touched = new Map<string, { finding: TicketFinding; resolution: Resolution } | undefined>()

  for (const { group, finding } of seen) {
    const ticket = known.tickets.get(finding.fingerprint)
    const traits = { policy: finding.policy, labels: [finding.labels], severity: finding.severity }
    if (!ticket && !passes(webhook.filter, traits)) continue
    const failure = failureOf(finding)
    const failures = countFailures(ticket?.failures, failure)
    const series = webhook.groupBy === 'target' ? group : finding.fingerprint
    if (failures === undefined) failing.delete(finding.fingerprint)
    else {
      const counted = Math.min(failures, webhook.openAfter)
      const next = { webhookId: webhook.id, fingerprint: finding.fingerprint, series, openedAt: ticket?.openedAt ?? at }
      failing.set(finding.fingerprint, { ...next, failures: counted, finding })
      if (counted !== ticket?.failures) changes.tickets.saved.push({ ...next, failures: counted, finding })
    }
    if (failures === undefined && ticket) changes.tickets.removed.push(ticket)
    if (failure !== undefined)
      touched.set(series, failure === 'fails' ? touched.get(series) : { finding, resolution: failure })
  }
  for (const ticket of known.tickets.values()) {
    if (!known.gone.has(ticket.fingerprint)) continue
    failing.delete(ticket.fingerprint)
    changes.tickets.removed.push(ticket)
    touched.set(ticket.series, { finding: ticket.finding, resolution: 'out-of-scope' })
  }
  const opened = [...failing.values()].filter(({ failures }) => failures >= webhook.openAfter)
  const failingOf = Map.groupBy(opened, ({ series }) => series)
  const closing = [...known.alerts.values()].filter(({ state }) => state === 'closing')
  return [...new Set([...touched.keys(), ...closing.map(({ series }) => series)])].flatMap((series) => {
    const findings = (failingOf.get(series) ?? []).map(({ finding }) => finding)
    return stepOf(webhook, series, { findings, seen: touched.has(series), ended: touched.get(series), known, changes })
  })
}

interface AlertInputs extends Pick<Inputs, 'known' | 'changes'> {
  /** That fail as often as the webhook wants. */
  findings: TicketFinding[]
  seen: boolean
  ended: { finding: TicketFinding; resolution: Resolution } | undefined
}

function stepOf(webhook: Webhook, series: string, inputs: AlertInputs): FindingStep[] {
  const { findings, seen, ended, known, changes } = inputs
  const alert = known.alerts.get(series)
  const { state, event } = nextAlert(alert?.state, {
    isFailing: findings.length > 0,
    isSeen: seen,
    newest: known.newest.get(series),
    receivesResolved: webhook.events.includes('finding.resolved'),
  })
  if (state === undefined && alert) changes.alerts.removed.push(alert)
  const finding = mostSevere(findings) ?? ended?.finding ?? alert?.finding
  if (!finding) return []
  const resolution = findings.length > 0 ? null : (ended?.resolution ?? alert?.resolution ?? 'pass')
  if (state !== undefined && (state !== alert?.state || resolution !== alert.resolution))
    changes.alerts.saved.push({ webhookId: webhook.id, series, state, resolution, finding })
  if (event === undefined) return []
  const group = webhook.groupBy === 'target' ? { id: series, failing: findings } : null
  return event === 'finding.resolved'
    ? [{ type: event, series, finding, group, resolution: resolution ?? 'pass' }]
    : [{ type: event, series, finding, group }]
}

const rank = ({ severity }: TicketFinding) => severities.indexOf(severity)
const mostSevere = (findings: readonly TicketFinding[]): TicketFinding | undefined =>
  findings.reduce<TicketFinding | undefined>((most, one) => (most && rank(most) >= rank(one) ? most : one), undefined)

function withRule(finding: SeenFinding, { audit, document }: EndedAudit): TicketFinding {
  const rule = document.rules.find(({ id }) => id === finding.rule)
  return {
    ...finding,
    policy: audit.policy.name,
    title: rule?.title ?? finding.rule,
    severity: rule?.severity ?? 'low',
    controls: rule?.controls ?? [],
    remediation: rule?.remediation ?? null,
  }
}
