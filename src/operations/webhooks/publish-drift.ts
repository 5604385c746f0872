import { type PolicyDocument, severities } from '../../domain/policy/policy.ts'
import type { Audit } from '../../store/audits/audits.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { Webhook } from '../../store/webhooks/webhooks.ts'
import { newEvent, type Publication } from './event.ts'

const shownItems = 100

interface Ended {
  audit: Audit
  document: PolicyDocument
  at: Date
}

/** Tells what differs from the audit of the same policy before, to each webhook what its filter lets through. */
export async function publishDrift(
  stores: Stores,
  webhooks: readonly Webhook[],
  { audit, document, at }: Ended,
): Promise<Publication> {
  const told: Publication = { events: [], deliveries: [] }
  if (webhooks.length === 0 || audit.status !== 'completed') return told
  const previous = await stores.audits.findPrevious(audit.id)
  const from = previous && (await stores.drift.pointInTimeOf(previous))
  const to = await stores.drift.pointInTimeOf(audit.id)
  if (!from || !to) return told
  for (const { id, filter } of webhooks) {
    const { minSeverity, labels } = filter
    const rules = document.rules.filter(
      ({ severity }) => severities.indexOf(severity) >= severities.indexOf(minSeverity ?? 'low'),
    )
    const only = minSeverity ? { rules: rules.map((rule) => rule.id) } : {}
    const drift = await stores.drift.compare(from.moment, to.moment, {
      ...(labels && { labels }),
      ...only,
      policy: audit.policy.name,
    })
    if (Object.values(drift.summary).every((count) => count === 0)) continue
    const { items, next } = await drift.page({ limit: shownItems })
    const report = `/v1/reports/drift?from=audit:${previous}&to=audit:${audit.id}`
    const data = {
      audit: audit.id,
      previous,
      policy: audit.policy.name,
      correlationId: audit.correlationId,
      summary: drift.summary,
      items,
      complete: next === null,
      report,
    }
    const event = newEvent('drift.detected', at, data)
    told.events.push(event)
    told.deliveries.push({ webhookId: id, eventId: event.id, lane: `audit/${audit.id}` })
  }
  return told
}
