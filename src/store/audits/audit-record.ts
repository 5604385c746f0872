import type { Sealer } from '../../domain/seals.ts'
import { canonicalJson } from '../../encoding/canonical-json.ts'
import { Prisma } from '../db/database.ts'
import type { Audit as Row } from '../generated/client.ts'

type Requested = Pick<
  Row,
  | 'id'
  | 'policyId'
  | 'targetIds'
  | 'vantages'
  | 'rules'
  | 'params'
  | 'correlationId'
  | 'reason'
  | 'callbackUrl'
  | 'trigger'
  | 'requestedBy'
  | 'deadlineAt'
  | 'targetScope'
>
type Planned = Pick<Row, 'id' | 'total' | 'plannedVantages'>

/** An audit as the seals of its request and its plan cover it. */
export type SealedAudit = Requested & Planned & Pick<Row, 'seal'>

const requestContent = (row: Requested) =>
  canonicalJson([
    ...[row.id, row.policyId, row.targetIds, row.vantages, row.rules, row.params, row.correlationId, row.reason],
    ...[row.callbackUrl, row.trigger, row.requestedBy, row.deadlineAt?.toISOString() ?? null, row.targetScope],
  ])

const planContent = ({ id, total, plannedVantages }: Planned) => canonicalJson([id, total, plannedVantages])

export const sealRequest = (sealer: Sealer, row: Requested): string => sealer.seal('request', requestContent(row))

export const sealPlan = (sealer: Sealer, row: Planned): string => sealer.seal('plan', planContent(row))

/** Two seals, separated by a blank; an audit that was never planned has the first alone. */
export function checkSeals(sealer: Sealer, row: SealedAudit): { request: boolean; plan: boolean } {
  const [request, plan] = row.seal?.split(' ') ?? []
  return {
    request: sealer.isSealed(request, 'request', requestContent(row)),
    plan: sealer.isSealed(plan, 'plan', planContent(row)) || (row.total === 0 && row.plannedVantages === null),
  }
}

/** The columns of an audit that its seals cover, of the row `e`. */
export const sealedColumns = Prisma.sql`e.policy_id AS "policyId", e.target_ids AS "targetIds", e.vantages, coalesce(e.rules, '{}') AS rules,
  e.params, e.correlation_id AS "correlationId", e.reason, e.callback_url AS "callbackUrl", e.trigger, e.requested_by AS "requestedBy",
  e.deadline_at AS "deadlineAt", e.target_scope AS "targetScope", e.total, e.planned_vantages AS "plannedVantages", e.seal`

/** SHA-256 over all columns of the audit `e` that mean something after its end. */
export const auditRecord = Prisma.sql`encode(sha256(convert_to(jsonb_build_array(e.id, e.status, e.verdict, e.trigger, e.policy_id,
  e.target_ids, e.vantages, e.rules, e.params, e.correlation_id, e.reason, e.callback_url, e.requested_by, e.counts, e.error,
  e.total, e.done, extract(epoch FROM e.created_at), extract(epoch FROM e.started_at), extract(epoch FROM e.finished_at),
  extract(epoch FROM e.cancel_requested_at), extract(epoch FROM e.observed_from), extract(epoch FROM e.observed_until),
  extract(epoch FROM e.deadline_at), extract(epoch FROM e.changed_at), e.planned_vantages, e.target_scope)::text, 'UTF8')), 'hex')`
