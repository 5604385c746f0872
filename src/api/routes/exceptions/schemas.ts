import { Type } from 'typebox'
import { waiverStates } from '../../../domain/exceptions/waivers.ts'
import { proofs, windowStates } from '../../../domain/exceptions/windows.ts'
import { nameSchema } from '../../../domain/policy/policy.ts'
import {
  Actor,
  ActorName,
  Count,
  closedObject,
  nullable,
  PageQuery,
  TimeInput,
  Timestamp,
  Uuid,
} from '../../openapi/schemas.ts'
import { ExternalIdQuery, ParameterValues, TargetName, TargetSelection } from '../targets/schemas.ts'

const policy = nameSchema('Name of the policy', 'netwrix-endpoint-protector')
export const permission = (rule: string) => ({
  policy,
  rules: Type.Array(nameSchema('Id of a rule', rule), {
    minItems: 1,
    maxItems: 500,
    uniqueItems: true,
    description: 'Rules of the policy',
    examples: [[rule]],
  }),
  targets: TargetSelection,
})
const Reason = (example: string) =>
  Type.String({ minLength: 1, maxLength: 1000, description: 'Why it is needed', examples: [example] })
const Ticket = Type.String({
  minLength: 1,
  maxLength: 200,
  description: 'Number of the change ticket',
  examples: ['CHG0030003'],
})
const listFilters = {
  policy: Type.Optional(policy),
  rule: Type.Optional(nameSchema('Id of a rule that it covers')),
  target: Type.Optional(TargetName),
  ...ExternalIdQuery,
  ticket: Type.Optional(Ticket),
  expiresBefore: Type.Optional(
    TimeInput('Those that end before this time; combine it with `state`', '2026-12-06T00:00:00Z'),
  ),
}

export const Approval = closedObject(
  {
    reason: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 1000,
        description: 'Why it is approved',
        examples: ['The vendor is on site'],
      }),
    ),
  },
  { $id: 'Approval', description: 'Why a request is approved; the body may be left out' },
)
export const Rejection = closedObject(
  { reason: Type.String({ minLength: 1, maxLength: 1000, description: 'Why it is rejected', examples: ['Too long'] }) },
  { $id: 'Rejection', description: 'Why a request is rejected' },
)
/** What was decided; `by` and `at` are of a rejection. */
const decided = (kind: string) => ({
  rejectedBy: nullable(Actor(`Who rejected the ${kind}`), { examples: [null] }),
  rejectedByName: ActorName('rejectedBy'),
  rejectedAt: nullable(Timestamp(`When the ${kind} was rejected`), { examples: [null] }),
  decisionReason: nullable(Type.String(), {
    description: 'Why it was approved or rejected; null where nothing was said',
    examples: ['As discussed'],
  }),
  decisionRefusal: nullable(Type.String(), {
    description: `Why the caller cannot approve or reject the ${kind}; null: the caller can`,
    examples: [`the ${kind} is ${kind === 'window' ? 'closed' : 'active'}`],
  }),
})

const waiverId = Uuid('Id of the waiver', '0003')
const waiverFields = {
  ...permission('ssh-restricted'),
  ticket: nullable(Ticket, { description: 'Number of the change ticket; null: none', examples: ['CHG0030002'] }),
  reason: Reason('The vendor needs SSH until the migration'),
  expiresAt: TimeInput('When the waiver ends; at most a year ahead', '2027-03-31T22:00:00Z', 'end'),
}
export const Waiver = Type.Object(
  {
    id: waiverId,
    state: Type.Enum([...waiverStates], {
      description:
        'Only an `active` waiver accepts findings. `requested`: waits for approval; `rejected`: another person refused it',
      examples: ['active'],
    }),
    ...waiverFields,
    requestedBy: Actor('Who requested the waiver'),
    requestedByName: ActorName('requestedBy'),
    approvedBy: nullable(Actor('Who approved the waiver', 'ba9876543210')),
    approvedByName: ActorName('approvedBy'),
    approvedAt: nullable(Timestamp('When the waiver was approved', '09:05:00')),
    ...decided('waiver'),
    revokedBy: nullable(Actor('Who revoked the waiver'), { examples: [null] }),
    revokedByName: ActorName('revokedBy'),
    revokedAt: nullable(Timestamp('When the waiver was revoked'), { examples: [null] }),
    createdAt: Timestamp('When the waiver was requested', '09:00:00'),
  },
  { $id: 'Waiver', description: 'A dated, approved acceptance of a failing finding' },
)
export const WaiverRequest = closedObject(
  { ...waiverFields, ticket: Type.Optional(waiverFields.ticket) },
  { $id: 'WaiverRequest', description: 'The failing findings to accept, and until when' },
)
export const WaiverParams = closedObject({ id: waiverId })
export const WaiverQuery = closedObject({
  ...listFilters,
  state: Type.Optional(Type.Enum([...waiverStates], { description: 'State of the waiver', examples: ['active'] })),
  ...PageQuery,
})

const windowId = Uuid('Id of the window', '0002')
export const auditParams = ParameterValues(200, 'Parameters of the audit after the end')
const windowFields = {
  ...permission('ssh-support'),
  from: TimeInput('When the window opens', '2026-11-22T09:00:00Z'),
  to: TimeInput('When the window closes; at most seven days after `from`', '2026-11-22T11:00:00Z', 'end'),
  ticket: Ticket,
  reason: Reason('The vendor analyses the failing update'),
}
export const Window = Type.Object(
  {
    id: windowId,
    state: Type.Enum([...windowStates], {
      description: [
        'State of the window:',
        '- `requested`: waits for approval; `lapsed`: was not approved in time; `rejected`: another person refused it',
        '- `approved`: approved and not open yet',
        '- `open`: the rules apply their `insideWindow` expectation',
        '- `ended`: over, and the audit that proves the exposure closed has not ended',
        '- `closed`: that audit found the exposure closed',
        '- `still-open`: that audit found the exposure open; it is repeated after 1, 2, 4 … 60 minutes',
        '- `canceled`: canceled before it opened',
      ].join('\n'),
      examples: ['closed'],
    }),
    ...windowFields,
    params: Type.Unsafe<Record<string, unknown>>(auditParams),
    requestedBy: Actor('Who requested the window'),
    requestedByName: ActorName('requestedBy'),
    approvedBy: nullable(Actor('Who approved the window', 'ba9876543210')),
    approvedByName: ActorName('approvedBy'),
    approvedAt: nullable(Timestamp('When the window was approved', '08:50:00')),
    ...decided('window'),
    canceledBy: nullable(Actor('Who canceled the window'), { examples: [null] }),
    canceledByName: ActorName('canceledBy'),
    canceledAt: nullable(Timestamp('When the window was canceled'), { examples: [null] }),
    reprobes: Count('Audits since the end that probed the exposure again', 1),
    reprobe: nullable(Uuid('Id of the newest of these audits', '0005')),
    proof: nullable(Type.Enum([...proofs]), {
      description:
        'What the newest completed of these audits proved. `unproven`: the evidence is incomplete; `not-applicable`: the rules no longer apply to any target',
      examples: ['closed'],
    }),
    provenAt: nullable(Timestamp('When that audit ended', '11:00:09')),
    createdAt: Timestamp('When the window was requested', '08:45:00'),
  },
  { $id: 'Window', description: 'A time-boxed, ticketed permission for an exposure' },
)
export const WindowRequest = closedObject(
  { ...windowFields, params: Type.Optional(auditParams) },
  { $id: 'WindowRequest', description: 'The exposure to permit, and when' },
)
export const WindowParams = closedObject({ id: windowId })
export const WindowQuery = closedObject({
  ...listFilters,
  state: Type.Optional(Type.Enum([...windowStates], { description: 'State of the window', examples: ['open'] })),
  ...PageQuery,
})
