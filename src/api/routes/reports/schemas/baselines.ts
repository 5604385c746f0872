import { Type } from 'typebox'
import { nameSchema } from '../../../../domain/policy/policy.ts'
import { Actor, ActorName, Count, closedObject, NameParams, Timestamp, Uuid } from '../../../openapi/schemas.ts'

const example = 'approved-2026-11'
const name = nameSchema('Unique name of the baseline', example)
const auditId = Uuid('Id of the audit whose findings are approved')
const reason = Type.String({
  minLength: 1,
  maxLength: 1000,
  description: 'Why the outcome is approved',
  examples: ['Reviewed after the move, CHG0030001'],
})
const seriesName = (description: string, example: string) =>
  Type.String({ minLength: 1, maxLength: 253, description, examples: [example] })

export const Baseline = Type.Object(
  {
    name,
    auditId,
    createdAt: Timestamp('When the baseline was created', '10:00:00'),
    approvals: Type.Array(
      Type.Object({
        approvedBy: Actor('Who approved'),
        approvedByName: ActorName('approvedBy'),
        reason,
        items: Count('Number of series that were approved', 15),
        at: Timestamp('When they were approved', '10:00:00'),
      }),
      { description: 'Approvals, newest first; the oldest approved the whole audit' },
    ),
  },
  { $id: 'Baseline', description: 'An approved snapshot to compare with' },
)

export const BaselineInput = closedObject(
  { name, audit: auditId, reason },
  { $id: 'BaselineInput', description: 'The audit to approve as a baseline' },
)
export const BaselineApproval = closedObject(
  {
    reason,
    items: Type.Array(
      closedObject({
        target: seriesName('Name of the target', 'epp-01'),
        policy: seriesName('Name of the policy', 'netwrix-endpoint-protector'),
        rule: seriesName('Id of the rule', 'server-certificate'),
        vantage: seriesName('Name of the vantage', 'local'),
      }),
      { minItems: 1, maxItems: 1000, description: 'The series whose current outcome is approved' },
    ),
  },
  { $id: 'BaselineApproval', description: 'The series to approve' },
)
export const BaselineParams = NameParams(example)
