import type { Audit } from '../../domain/audits.ts'
import type { PolicyDocument } from '../../domain/policy/policy.ts'
import { passes } from '../../domain/webhooks/delivery-policy.ts'
import { type TicketFinding, type TicketStep, ticketStep } from '../../domain/webhooks/tickets.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { SeenFinding, Ticket } from '../../store/webhooks/tickets.ts'
import type { Webhook } from '../../store/webhooks/webhooks.ts'
import { newEvent, type Outgoing } from './message.ts'

interface EndedAudit {
  audit: Audit
  document: PolicyDocument
  at: Date
}

/**
 * Turns the findings of an audit into steps of tickets. Each webhook has its own tickets: for each failure it gets opened,
 * still-open and resolved in this order, independently of other webhooks.
 */
export async function fanOutFindings(
  stores: Stores,
  webhooks: readonly Webhook[],
  ended: EndedAudit,
): Promise<Outgoing> {
  const seen = (await stores.tickets.seen(ended.audit.id)).map((finding) => withRule(finding, ended))
  const tickets = await stores.tickets.of(webhooks.map(({ id }) => id))
  const gone = await stores.tickets.gone([...new Set(tickets.map(({ fingerprint }) => fingerprint))])
  const ticketOf = new Map(tickets.map((ticket) => [keyOf(ticket.webhookId, ticket.fingerprint), ticket]))
  const outgoing: Outgoing = { events: [], deliveries: [] }
  const opened: Ticket[] = []
  const resolved: Ticket[] = []
  const eventOf = sharedEvents(outgoing, ended)

  const take = (webhook: Webhook, finding: TicketFinding, step: TicketStep, ticket: Ticket | undefined) => {
    if (step.type === 'finding.opened') {
      opened.push({ webhookId: webhook.id, fingerprint: finding.fingerprint, openedAt: ended.at, finding })
    } else if (step.type === 'finding.resolved' && ticket) resolved.push(ticket)
    if (!webhook.events.includes(step.type)) return
    const eventId = eventOf(finding, step)
    const lane = `audit/${ended.audit.id}`
    outgoing.deliveries.push({ webhookId: webhook.id, eventId, lane, series: finding.fingerprint })
  }

  for (const webhook of webhooks) {
    for (const finding of seen) {
      const ticket = ticketOf.get(keyOf(webhook.id, finding.fingerprint))
      const step = ticketStep(ticket !== undefined, finding)
      const traits = { policy: finding.policy, labels: [finding.labels], severity: finding.severity }
      if (step && (ticket || passes(webhook.filter, traits))) take(webhook, finding, step, ticket)
    }
    for (const ticket of tickets) {
      if (ticket.webhookId !== webhook.id || !gone.has(ticket.fingerprint)) continue
      take(webhook, ticket.finding, { type: 'finding.resolved', resolution: 'out-of-scope' }, ticket)
    }
  }
  await stores.tickets.write({ opened, resolved })
  return outgoing
}

const keyOf = (webhookId: string, fingerprint: string) => `${webhookId} ${fingerprint}`

/** Webhooks that take the same step share one event. */
function sharedEvents(outgoing: Outgoing, { audit, at }: EndedAudit) {
  const made = new Map<string, string>()
  return (finding: TicketFinding, step: TicketStep): string => {
    const key = `${step.type} ${finding.fingerprint}`
    const known = made.get(key)
    if (known) return known
    const data = { finding, audit: audit.id, correlationId: audit.correlationId }
    const event =
      step.type === 'finding.resolved'
        ? newEvent(step.type, at, { ...data, resolution: step.resolution })
        : newEvent(step.type, at, data)
    outgoing.events.push(event)
    made.set(key, event.id)
    return event.id
  }
}

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
