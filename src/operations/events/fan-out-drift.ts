import type { Audit } from '../../domain/audits.ts'
import { type PolicyDocument, severities } from '../../domain/policy/policy.ts'
import type { PageUrls } from '../../report/page-urls.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { Webhook } from '../../store/webhooks/webhooks.ts'
import { newEvent, type Outgoing } from './message.ts'

const shownItems = 100

interface EndedAudit {
  audit: Audit
  /** Of the URL under which clients reach the service. */
  pathPrefix: string
  pages: PageUrls
  document: PolicyDocument
  at: Date
}

/** Compares an audit with the previous one of its policy; each webhook gets what its filter lets through. */
export async function fanOutDrift(
  stores: Stores,
  webhooks: readonly Webhook[],
  { audit, document, at, pathPrefix, pages }: EndedAudit,
): Promise<Outgoing> {
  const outgoing: Outgoing = { events: [], deliveries: [] }
  if (webhooks.length === 0 || audit.status !== 'completed') return outgoing
  const previous = await stores.audits.findPrevious(audit.id)
  const from = previous && (await stores.drift.pointInTimeOf(previous))
  const to = await stores.drift.pointInTimeOf(audit.id)
  if (!from || !to) return outgoing
  for (const { id, filter } of webhooks) {
    const { minSeverity, labels } = filter
    const rules = document.rules.filter(
      ({ severity }) => severities.indexOf(severity) >= severities.indexOf(minSeverity ?? 'low'),
    )
    const only = minSeverity ? { rules: rules.map((rule) => rule.id) } : {}
    const drift = await stores.drift.compare(from.point, to.point, {
      ...(labels && { labels }),
      ...only,
      policy: audit.policy.name,
    })
    if (Object.values(drift.summary).every((count) => count === 0)) continue
    const { items, next } = await drift.page({ limit: shownItems })
    const event = newEvent('drift.detected', at, {
      audit: audit.id,
      auditUrl: pages.audit(audit.id),
      previous,
      policy: audit.policy.name,
      correlationId: audit.correlationId,
      summary: drift.summary,
      items,
      complete: next === null,
      report: `${pathPrefix}/v1/reports/drift?from=audit:${previous}&to=audit:${audit.id}`,
    })
    outgoing.events.push(event)
    outgoing.deliveries.push({ webhookId: id, eventId: event.id, lane: `audit/${audit.id}` })
  }
  return outgoing
}
