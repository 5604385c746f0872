import { coverageOf } from '../../domain/findings/verdict.ts'
import { passes } from '../../domain/webhooks/delivery-policy.ts'
import { eventTypes } from '../../domain/webhooks/events.ts'
import type { PageUrls } from '../../report/page-urls.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { OutboxEntry } from '../../store/webhooks/outbox.ts'
import { callbacksId, type Webhook } from '../../store/webhooks/webhooks.ts'
import type { Scheduler } from '../schedules/tick.ts'
import { fanOutDrift } from './fan-out-drift.ts'
import { fanOutFindings } from './fan-out-findings.ts'
import { newEvent, type Outgoing } from './message.ts'

/** To whom events go. */
export interface Subscribers {
  /** The enabled webhooks. */
  webhooks: readonly Webhook[]
  /** Of the URL under which clients reach the service. */
  pathPrefix: string
  pages: PageUrls
  nextTicks: Scheduler['next']
}

/** Sends the end of an audit to its callback and to webhooks, then its drift, then the steps of tickets. */
export async function fanOutAudit(
  stores: Stores,
  { subject: auditId, createdAt: at }: OutboxEntry,
  { webhooks, pathPrefix, pages }: Omit<Subscribers, 'nextTicks'>,
): Promise<Outgoing> {
  const audit = await stores.audits.find(auditId)
  const scope = await stores.audits.scope(auditId)
  if (!audit || !scope) return { events: [], deliveries: [] }
  const lane = `audit/${auditId}`
  const traits = { policy: audit.policy.name, labels: scope.labels }
  const passing = webhooks.filter(({ filter }) => passes(filter, traits))

  const shown = { ...audit, coverage: coverageOf(audit.counts) }
  const ended = newEvent('audit.completed', at, { audit: shown, auditUrl: pages.audit(auditId) })
  const deliveries = passing
    .filter(({ events }) => events.includes('audit.completed'))
    .map(({ id }) => ({ webhookId: id, eventId: ended.id, lane }))
  const { callbackUrl: url, requestedBy: signedFor } = scope
  if (url !== null)
    deliveries.unshift(Object.assign({ webhookId: callbacksId, eventId: ended.id, lane }, { url, signedFor }))
  const parts: Outgoing[] = [{ events: deliveries.length > 0 ? [ended] : [], deliveries }]

  const ticketing = webhooks.filter(({ events }) => findingEvents.some((type) => events.includes(type)))
  const comparing = passing.filter(({ events }) => events.includes('drift.detected'))
  if (ticketing.length > 0 || comparing.length > 0) {
    const { name, version } = audit.policy
    const document = (await stores.policies.find(name, version))?.document
    if (!document) throw new Error(`audit ${auditId} has no policy`)
    parts.push(await fanOutDrift(stores, comparing, { audit, document, at, pathPrefix, pages }))
    if (ticketing.length > 0) parts.push(await fanOutFindings(stores, ticketing, { audit, document, at, pages }))
  }
  return {
    events: parts.flatMap(({ events }) => events),
    deliveries: parts.flatMap((part) => part.deliveries),
  }
}

const findingEvents = eventTypes.filter((type) => type.startsWith('finding.'))
