import { coverageOf } from '../../domain/findings/verdict.ts'
import { eventTypes, passes } from '../../domain/webhooks/delivery-policy.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { OutboxEntry } from '../../store/webhooks/outbox.ts'
import { callbacksId, type Webhook } from '../../store/webhooks/webhooks.ts'
import { newEvent, type Publication } from './event.ts'
import { publishDrift } from './publish-drift.ts'
import { publishFindings } from './publish-findings.ts'

/** Tells the end of an audit to its own callback and to who listens; then what differs, then what it means for tickets. */
export async function publishAudit(
  stores: Stores,
  { subject: auditId, createdAt: at }: OutboxEntry,
  all: readonly Webhook[],
): Promise<Publication> {
  const audit = await stores.audits.find(auditId)
  const scope = await stores.audits.scope(auditId)
  if (!audit || !scope) return { events: [], deliveries: [] }
  const lane = `audit/${auditId}`
  const traits = { policy: audit.policy.name, labels: scope.labels }
  const listening = all.filter(({ filter }) => passes(filter, traits))

  const ended = newEvent('audit.completed', at, { audit: { ...audit, coverage: coverageOf(audit.counts) } })
  const deliveries = listening
    .filter(({ events }) => events.includes('audit.completed'))
    .map(({ id }) => ({ webhookId: id, eventId: ended.id, lane }))
  const { callbackUrl: url, requestedBy: signedFor } = scope
  if (url !== null)
    deliveries.unshift(Object.assign({ webhookId: callbacksId, eventId: ended.id, lane }, { url, signedFor }))
  const publications: Publication[] = [{ events: deliveries.length > 0 ? [ended] : [], deliveries }]

  const ticketing = all.filter(({ events }) => ticketEvents.some((type) => events.includes(type)))
  const differing = listening.filter(({ events }) => events.includes('drift.detected'))
  if (ticketing.length > 0 || differing.length > 0) {
    const { name, version } = audit.policy
    const document = (await stores.policies.find(name, version))?.document
    if (!document) throw new Error(`audit ${auditId} has no policy`)
    publications.push(await publishDrift(stores, differing, { audit, document, at }))
    if (ticketing.length > 0) publications.push(await publishFindings(stores, ticketing, { audit, document, at }))
  }
  return {
    events: publications.flatMap((publication) => publication.events),
    deliveries: publications.flatMap((publication) => publication.deliveries),
  }
}

const ticketEvents = eventTypes.filter((type) => type.startsWith('finding.'))
