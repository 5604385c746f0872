import type { FastifyInstance } from 'fastify'
import type { ServerParts } from '../context.ts'
import type { Quotas } from '../limits/quotas.ts'
import { auditRoutes } from './audits/audits.ts'
import { auditEventRoutes } from './audits/events.ts'
import { findingRoutes } from './audits/findings.ts'
import { auditSummaryRoutes } from './audits/summary.ts'
import { eventRoutes } from './events/events.ts'
import { effectRoutes } from './exceptions/effects.ts'
import { waiverRoutes } from './exceptions/waivers.ts'
import { windowRoutes } from './exceptions/windows.ts'
import { currentFindingRoutes } from './findings/findings.ts'
import { keyRoutes } from './keys/keys.ts'
import { ledgerRoutes } from './ledger/ledger.ts'
import { firewallRoutes } from './policies/firewall.ts'
import { policyRoutes } from './policies/policies.ts'
import { previewRoutes } from './policies/preview.ts'
import { proposalRoutes } from './proposals/proposals.ts'
import { baselineRoutes } from './reports/baselines.ts'
import { certificateRoutes } from './reports/certificates.ts'
import { complianceRoutes } from './reports/compliance.ts'
import { controlRoutes } from './reports/controls.ts'
import { digestRoutes } from './reports/digest.ts'
import { driftRoutes } from './reports/drift.ts'
import { flowRoutes } from './reports/flows.ts'
import { historyRoutes } from './reports/history.ts'
import { matrixRoutes } from './reports/matrix.ts'
import { changeRoutes } from './reports/span-feed.ts'
import { trendRoutes } from './reports/trend.ts'
import { unknownRoutes } from './reports/unknown.ts'
import { runRoutes } from './schedules/runs.ts'
import { scheduleRoutes } from './schedules/schedules.ts'
import { searchRoutes } from './search/search.ts'
import { sessionRoutes } from './sessions/sessions.ts'
import { targetImportRoutes } from './targets/imports.ts'
import { labelRoutes } from './targets/labels.ts'
import { targetRoutes } from './targets/targets.ts'
import { traceRoutes } from './traces/traces.ts'
import { absenceRoutes } from './vantages/absences.ts'
import { discoveryLeaseRoutes } from './vantages/discovery-leases.ts'
import { leaseRoutes } from './vantages/leases.ts'
import { traceLeaseRoutes } from './vantages/trace-leases.ts'
import { vantageRoutes } from './vantages/vantages.ts'
import { deliveryRoutes } from './webhooks/deliveries.ts'
import { webhookRoutes } from './webhooks/webhooks.ts'

/** Registers the routes under /v1, each with the parts that it uses; the order is that of the OpenAPI document. */
export async function registerRoutes(v1: FastifyInstance, parts: ServerParts & { quotas: Quotas }): Promise<void> {
  const {
    endAudit,
    enqueueBatches,
    enqueueDelivery,
    enqueuePlan,
    enqueueReprobe,
    mayDial,
    notifications,
    pages,
    plainHttp,
    seal,
    version,
  } = parts
  const { limits: quota } = parts.listening

  await v1.register(auditRoutes, {
    endAudit,
    enqueueBatches,
    enqueuePlan,
    mayDial,
    notifications,
    pages,
    plainHttp,
    quota,
    version,
  })
  await v1.register(findingRoutes, { version, pages })
  await v1.register(currentFindingRoutes, { pages })
  await v1.register(searchRoutes)
  await v1.register(traceRoutes, { notifications, refuseTrace: parts.refuseTrace })
  await v1.register(targetRoutes)
  await v1.register(labelRoutes)
  await v1.register(historyRoutes, { version })
  await v1.register(policyRoutes)
  await v1.register(previewRoutes)
  await v1.register(firewallRoutes)
  await v1.register(proposalRoutes, { notifications })
  await v1.register(driftRoutes)
  await v1.register(baselineRoutes)
  await v1.register(changeRoutes)
  await v1.register(complianceRoutes)
  await v1.register(trendRoutes)
  await v1.register(controlRoutes)
  await v1.register(matrixRoutes)
  await v1.register(flowRoutes)
  await v1.register(certificateRoutes)
  await v1.register(unknownRoutes, { scheduler: parts.scheduler })
  await v1.register(digestRoutes, { scheduler: parts.scheduler })
  await v1.register(keyRoutes)
  await v1.register(sessionRoutes, { version })
  await v1.register(vantageRoutes)
  await v1.register(absenceRoutes)
  await v1.register(leaseRoutes, { leases: parts.leases })
  await v1.register(traceLeaseRoutes, { traceLeases: parts.traceLeases })
  await v1.register(discoveryLeaseRoutes, { discoveryLeases: parts.discoveryLeases })
  await v1.register(targetImportRoutes, { spoolDir: parts.spoolDir, quotas: parts.quotas })
  await v1.register(scheduleRoutes, { scheduler: parts.scheduler })
  await v1.register(runRoutes, { scheduler: parts.scheduler })
  await v1.register(waiverRoutes)
  await v1.register(windowRoutes, { enqueueReprobe })
  await v1.register(effectRoutes)
  await v1.register(ledgerRoutes)
  await v1.register(webhookRoutes, { enqueueDelivery, mayDial, plainHttp, seal })
  await v1.register(deliveryRoutes, { enqueueDelivery })
  await v1.register(auditEventRoutes, { notifications, vantageWaitMs: parts.vantageWaitMs })
  await v1.register(eventRoutes, { notifications, pages })
  await v1.register(auditSummaryRoutes)
}
