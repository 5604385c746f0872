import { Type } from 'typebox'
import { describeHost } from '../../../domain/findings/endpoint.ts'
import { retiredAt } from '../../listing/updated-since.ts'
import { closedObject, nullable, Timestamp } from '../../openapi/schemas.ts'

export const TargetName = Type.String({
  pattern: '^[A-Za-z0-9:]([A-Za-z0-9._:-]{0,251}[A-Za-z0-9:])?$',
  description: 'Unique name',
  examples: ['epp-01'],
})
const label = Type.String({ maxLength: 200 })

/** Labels as a target has them. */
export const Labels = Type.Record(Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$' }), label, {
  additionalProperties: false,
  maxProperties: 50,
  examples: [{ site: 'hq' }],
})

const required = {
  address: Type.String({
    minLength: 1,
    maxLength: 253,
    description: 'IP address or host name',
    examples: ['10.0.0.5'],
  }),
}
const optional = {
  roles: Type.Array(Type.String({ minLength: 1, maxLength: 100 }), { maxItems: 50, uniqueItems: true }),
  labels: Labels,
  params: Type.Record(
    Type.String({ pattern: '^[a-zA-Z][a-zA-Z0-9]{0,99}$' }),
    Type.Union([Type.String(), Type.Number(), Type.Boolean()]),
    {
      additionalProperties: false,
      maxProperties: 100,
      description: 'Parameters of policies for this target',
      examples: [{ domainController: 'dc1.corp.example' }],
    },
  ),
  externalId: nullable(Type.String({ maxLength: 200, description: 'For example its id in a CMDB' })),
}
const partial = Type.Partial(Type.Object(optional)).properties

/** The fields of a target as a caller gives them. */
export const TargetProperties = { ...required, ...partial }

export const Target = Type.Object(
  { name: TargetName, ...required, ...optional, createdAt: Timestamp, updatedAt: Timestamp, retiredAt },
  { $id: 'Target', title: 'Target', description: 'A host under audit' },
)
export const TargetReplacement = closedObject(TargetProperties, { $id: 'TargetReplacement' })
export const TargetPatch = closedObject(Type.Partial(Type.Object(TargetProperties)).properties, {
  $id: 'TargetPatch',
  minProperties: 1,
})
export const TargetInput = closedObject({ name: TargetName, ...TargetProperties }, { $id: 'TargetInput' })
export const TargetParams = closedObject({ name: TargetName })

/** Targets by names or by labels, as schedules, windows and waivers name them. */
export const TargetSelection = Type.Union(
  [
    Type.Array(TargetName, { minItems: 1, maxItems: 20_000, uniqueItems: true }),
    closedObject({ labels: Type.Record(Type.String(), Type.String(), { minProperties: 1, maxProperties: 50 }) }),
  ],
  { $id: 'TargetSelection', description: 'Names of targets, or a label selector' },
)

/** What is wrong with an address that the schema lets through. */
export const noHost = { pointer: '/address', message: `must be ${describeHost}` }
