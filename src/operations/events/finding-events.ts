import type { Audit } from '../../domain/audits.ts'
import type { Resolution, TicketFinding } from '../../domain/webhooks/tickets.ts'
import type { PageUrls } from '../../report/page-urls.ts'
import { newEvent, type Outgoing } from './message.ts'

/** A step of an alert. */
export type FindingStep = {
  series: string
  finding: TicketFinding
  /** The failing findings of a target; null: the alert is of one finding. */
  group: { id: string; failing: TicketFinding[] } | null
} & ({ type: 'finding.opened' | 'finding.still-open' } | { type: 'finding.resolved'; resolution: Resolution })

/** A target may have thousands. */
const shownFindings = 50

/** Makes the events of steps; webhooks that take the same step share one. */
export function shareEvents(outgoing: Outgoing, { audit, at, pages }: { audit: Audit; at: Date; pages: PageUrls }) {
  const made = new Map<string, string>()
  const linked = (finding: TicketFinding) => ({ url: pages.finding(finding.fingerprint), ...finding })
  return (step: FindingStep): string => {
    const { type, series, finding, group } = step
    const key = [type, series, ...(group?.failing ?? [finding]).map(({ fingerprint }) => fingerprint)].join(' ')
    const known = made.get(key)
    if (known) return known
    const shown = group && {
      id: group.id,
      count: group.failing.length,
      failing: group.failing.slice(0, shownFindings).map(linked),
    }
    const ofAudit = { audit: audit.id, auditUrl: pages.audit(audit.id), correlationId: audit.correlationId }
    const data = { finding: linked(finding), group: shown, ...ofAudit }
    const event =
      type === 'finding.resolved'
        ? newEvent(type, at, { ...data, resolution: step.resolution })
        : newEvent(type, at, data)
    outgoing.events.push(event)
    made.set(key, event.id)
    return event.id
  }
}
