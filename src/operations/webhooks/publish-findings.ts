import type { PolicyDocument } from '../../domain/policy/policy.ts'
import { passes } from '../../domain/webhooks/delivery-policy.ts'
import { type TicketFinding, type TicketStep, ticketStep } from '../../domain/webhooks/tickets.ts'
import type { Audit } from '../../store/audits/audits.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { SeenFinding, Ticket } from '../../store/webhooks/tickets.ts'
import type { Webhook } from '../../store/webhooks/webhooks.ts'
import { newEvent, type Publication } from './event.ts'

interface Ended {
  audit: Audit
  document: PolicyDocument
  at: Date
}

/**
 * Tells what an audit means for tickets: each webhook has tickets of its own, so that it is told of each failure that it
 * opened, goes on and is resolved, in this order, whatever others were told.
 */
export async function publishFindings(
  stores: Stores,
  webhooks: readonly Webhook[],
  ended: Ended,
): Promise<Publication> {
  const seen = (await stores.tickets.seen(ended.audit.id)).map((finding) => withRule(finding, ended))
  const tickets = await stores.tickets.of(webhooks.map(({ id }) => id))
  const gone = await stores.tickets.gone([...new Set(tickets.map(({ fingerprint }) => fingerprint))])
  const ticketOf = new Map(tickets.map((ticket) => [keyOf(ticket.webhookId, ticket.fingerprint), ticket]))
  const told: Publication = { events: [], deliveries: [] }
  const opened: Ticket[] = []
  const resolved: Ticket[] = []
  const eventOf = sharedEvents(told, ended)

  const step = (webhook: Webhook, finding: TicketFinding, what: TicketStep, ticket: Ticket | undefined) => {
    if (what.type === 'finding.opened') {
      opened.push({ webhookId: webhook.id, fingerprint: finding.fingerprint, openedAt: ended.at, finding })
    } else if (what.type === 'finding.resolved' && ticket) resolved.push(ticket)
    if (!webhook.events.includes(what.type)) return
    const eventId = eventOf(finding, what)
    const lane = `audit/${ended.audit.id}`
    told.deliveries.push({ webhookId: webhook.id, eventId, lane, series: finding.fingerprint })
  }

  for (const webhook of webhooks) {
    for (const finding of seen) {
      const ticket = ticketOf.get(keyOf(webhook.id, finding.fingerprint))
      const what = ticketStep(ticket !== undefined, finding)
      const traits = { policy: finding.policy, labels: [finding.labels], severity: finding.severity }
      if (what && (ticket || passes(webhook.filter, traits))) step(webhook, finding, what, ticket)
    }
    for (const ticket of tickets) {
      if (ticket.webhookId !== webhook.id || !gone.has(ticket.fingerprint)) continue
      step(webhook, ticket.finding, { type: 'finding.resolved', resolution: 'out-of-scope' }, ticket)
    }
  }
  await stores.tickets.write({ opened, resolved })
  return told
}

const keyOf = (webhookId: string, fingerprint: string) => `${webhookId} ${fingerprint}`

/** Makes each event once, whoever is told of it. */
function sharedEvents(told: Publication, { audit, at }: Ended) {
  const made = new Map<string, string>()
  return (finding: TicketFinding, { type, ...more }: TicketStep): string => {
    const key = `${type} ${finding.fingerprint}`
    const known = made.get(key)
    if (known) return known
    const event = newEvent(type, at, { finding, ...more, audit: audit.id, correlationId: audit.correlationId })
    told.events.push(event)
    made.set(key, event.id)
    return event.id
  }
}

function withRule(finding: SeenFinding, { audit, document }: Ended): TicketFinding {
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
