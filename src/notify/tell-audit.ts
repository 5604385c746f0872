import { coverageOf } from '../domain/verdict.ts'
import { passes } from '../domain/webhooks.ts'
import { eventsOfAudits, type OutboxEntry } from '../store/outbox.ts'
import type { Stores } from '../store/stores.ts'
import { callbacksId } from '../store/webhooks.ts'
import { newEvent, type Telling } from './event.ts'

/** Tells the end of an audit to its own callback and to who listens; then what it found. */
export async function tellAudit(stores: Stores, { subject: auditId, createdAt }: OutboxEntry): Promise<Telling> {
  const audit = await stores.audits.find(auditId)
  const scope = await stores.audits.scope(auditId)
  if (!audit || !scope) return { events: [], deliveries: [] }
  const lane = `audit/${auditId}`
  const traits = { policy: audit.policy.name, labels: scope.labels }
  const listening = (await stores.webhooks.listening(eventsOfAudits)).filter(({ filter }) => passes(filter, traits))
  const ended = newEvent('audit.completed', createdAt, { audit: { ...audit, coverage: coverageOf(audit.counts) } })
  const to = listening.filter(({ events }) => events.includes('audit.completed'))
  const deliveries = to.map(({ id }) => ({ webhookId: id, eventId: ended.id, lane }))
  const callback =
    scope.callbackUrl === null ? [] : [{ webhookId: callbacksId, eventId: ended.id, lane, url: scope.callbackUrl }]
  const all = [...callback, ...deliveries]
  return { events: all.length > 0 ? [ended] : [], deliveries: all }
}
