import { Type } from 'typebox'
import { scopePattern } from '../../../domain/access/scopes.ts'
import { isEverything, type TargetScope } from '../../../store/query/target-scope.ts'
import { Actor, ActorName, closedObject, nullable, TimeInput, Timestamp } from '../../openapi/schemas.ts'
import { LabelSelector } from '../targets/schemas.ts'

const fields = {
  name: Type.String({
    minLength: 1,
    maxLength: 100,
    description: 'What the key is for',
    examples: ['agent of the branch office'],
  }),
  scopes: Type.Array(Type.String({ pattern: scopePattern, maxLength: 110, examples: ['audits:run'] }), {
    minItems: 1,
    maxItems: 20,
    uniqueItems: true,
    description:
      'What the key may do; each operation lists the scopes that allow it. `admin` allows everything, `vantage:NAME` the work of the agent of that vantage',
    examples: [['vantage:branch-office']],
  }),
}
const TargetLimit = nullable(closedObject({ labels: LabelSelector }), {
  description: 'Limits the key to targets with all of these labels; null: no limit',
  examples: [null],
})
/** The limit as it is shown. */
export const showTargets = (targetScope: TargetScope) =>
  isEverything(targetScope) ? null : { labels: { ...targetScope } }

const KeyId = Type.String({
  pattern: '^[0-9a-f]{12}$',
  maxLength: 12,
  description: 'Id of the key',
  examples: ['0123456789ab'],
})
const shown = {
  id: KeyId,
  ...fields,
  targets: TargetLimit,
  createdAt: Timestamp('When the key was created', '00:15:00'),
  createdBy: nullable(Actor('Who created the key'), {
    description: 'Who created the key, by the ledger; null: not known',
    examples: ['ba9876543210'],
  }),
  createdByName: ActorName('createdBy'),
  expiresAt: nullable(Timestamp('When the key expires'), {
    description: 'When the key expires; null: never',
    examples: [null],
  }),
  lastUsedAt: nullable(Timestamp('Last use, to the minute', '02:00:00'), { description: 'Last use, to the minute' }),
  revokedAt: nullable(Timestamp('When the key was revoked'), {
    description: 'When the key was revoked; null: it was not',
    examples: [null],
  }),
}
export const KeyParams = closedObject({ id: KeyId })

export const Key = Type.Object(shown, { $id: 'Key', description: 'An API key without its secret' })
export const KeyWithSecret = Type.Object(
  {
    ...shown,
    key: nullable(Type.String(), {
      description: 'The key itself; null in the response to a repeated Idempotency-Key',
      examples: ['pw_0123456789ab_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'],
    }),
  },
  { $id: 'KeyWithSecret', description: 'An API key with its secret, which is returned only once' },
)
export const KeyInput = closedObject(
  {
    ...fields,
    targets: Type.Optional(TargetLimit),
    expiresAt: Type.Optional(
      nullable(TimeInput('When the key expires', '2027-11-22T00:00:00Z', 'end'), {
        description: 'When the key expires; null: never',
      }),
    ),
  },
  {
    $id: 'KeyInput',
    description: 'A key to create',
    examples: [{ name: 'agent of the branch office', scopes: ['vantage:branch-office'] }],
  },
)
