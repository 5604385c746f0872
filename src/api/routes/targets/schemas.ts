import { Type } from 'typebox'
import type { TargetFields } from '../../../store/inventory/target-columns.ts'
import { ImportNotes } from '../../http/problems.ts'
import { refreshedPageOf, retiredAt } from '../../listing/updated-since.ts'
import { Count, closedObject, nullable, Timestamp } from '../../openapi/schemas.ts'

const namePattern = '^[A-Za-z0-9:]([A-Za-z0-9._:-]{0,251}[A-Za-z0-9:])?$'
export const TargetName = Type.String({
  pattern: namePattern,
  maxLength: 253,
  description: 'Unique name of the target',
  examples: ['epp-01'],
})

export const ExternalId = Type.String({ minLength: 1, maxLength: 200, examples: ['CI0012345'] })

/** The filter of a listing. */
export const ExternalIdQuery = {
  externalId: Type.Optional({
    ...ExternalId,
    description: 'Current external id of a target, for example its id in a CMDB',
  }),
}

/** A target by its external id. */
export const TargetByExternalId = closedObject(
  { externalId: ExternalId },
  {
    $id: 'TargetByExternalId',
    description: 'The one target that has this external id now',
    examples: [{ externalId: 'CI0012345' }],
  },
)

/** The labels of a target. */
export const Labels = Type.Record(
  Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$' }),
  Type.String({ maxLength: 200 }),
  { additionalProperties: false, maxProperties: 50, examples: [{ site: 'hq' }] },
)

/** A label selector: all of these labels, with these values. */
export const LabelSelector = { ...Labels, minProperties: 1 } as typeof Labels

/** Values of the parameters of policies. */
export const ParameterValues = (maxProperties: number, description: string) =>
  Type.Record(
    Type.String({ pattern: '^[a-zA-Z][a-zA-Z0-9]{0,99}$' }),
    Type.Union([
      Type.String({ maxLength: 100_000 }),
      Type.Number({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }),
      Type.Boolean(),
    ]),
    { additionalProperties: false, maxProperties, description, examples: [{ domainController: 'dc1.corp.example' }] },
  )

const required = {
  address: Type.String({
    minLength: 1,
    maxLength: 253,
    description: 'IP address or host name',
    examples: ['10.20.0.11'],
  }),
}
const optional = {
  roles: Type.Array(Type.String({ minLength: 1, maxLength: 100 }), {
    maxItems: 50,
    uniqueItems: true,
    description: 'What the host is used for',
    examples: [['epp-server']],
  }),
  labels: Labels,
  params: ParameterValues(100, 'Parameters of policies for this target'),
  externalId: nullable(ExternalId, {
    description: 'Id of the host in another system, for example a CMDB',
  }),
}

/** Every field of the store: one that is missing does not compile. */
const fields = { ...required, ...optional } satisfies Record<keyof TargetFields, unknown>

/** The fields of a request that sets a target. */
const TargetProperties = { ...required, ...Type.Partial(Type.Object(optional)).properties }
const example = { address: '10.20.0.11', labels: { site: 'hq' }, params: { domainController: 'dc1.corp.example' } }

export const Target = Type.Object(
  {
    name: TargetName,
    ...fields,
    createdAt: Timestamp('When the target was created', '01:30:00'),
    updatedAt: Timestamp('When the target last changed', '01:30:00'),
    retiredAt,
  },
  { $id: 'Target', description: 'A host under audit' },
)
export const TargetInput = closedObject(
  { name: TargetName, ...TargetProperties },
  { $id: 'TargetInput', description: 'A target to create', examples: [{ name: 'epp-01', ...example }] },
)
/** The query of a listing of targets, beside its labels. */
export const TargetSearch = {
  q: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 253,
      description: 'A part of the name, the address or the external id, in any case',
      examples: ['epp'],
    }),
  ),
  ...ExternalIdQuery,
  total: Type.Optional(
    Type.Boolean({ description: 'Adds to a page how many targets all pages have', examples: [true] }),
  ),
}
export const TargetPage = Type.Object(
  { total: Type.Optional(Count('Only with `total`: targets of all pages', 1)), ...refreshedPageOf(Target).properties },
  { $id: 'TargetPage' },
)

export const Label = Type.Object(
  {
    key: Type.String({ description: 'Name of the label', examples: ['site'] }),
    value: Type.String({ description: 'One of its values', examples: ['hq'] }),
    targets: Count('Targets with this label', 3),
  },
  { $id: 'Label', description: 'A label, and how many targets have it' },
)

/** The columns of an export, which an import takes as well. */
export const targetColumns = [...Object.keys(TargetInput.properties), 'createdAt', 'updatedAt']

export const TargetReplacement = closedObject(TargetProperties, {
  $id: 'TargetReplacement',
  description: 'All fields of a target; an omitted field becomes empty',
  examples: [example],
})
export const TargetPatch = closedObject(Type.Partial(Type.Object(TargetProperties)).properties, {
  $id: 'TargetPatch',
  description: 'The fields of a target to change; an omitted field keeps its value',
  minProperties: 1,
  examples: [{ labels: { site: 'hq', tier: 'gold' } }],
})
/** A target in a path: its name, or `externalId=ID`. */
export const TargetParams = closedObject({
  name: Type.String({
    pattern: `${namePattern}|^externalId=.{1,200}$`,
    maxLength: 253,
    description: 'Name of the target, or `externalId=` and its external id',
    examples: ['epp-01'],
  }),
})

/** Elements of lists of targets. */
export const TargetReference = Type.Union([TargetName, TargetByExternalId], {
  description: 'Name of a target, or its external id',
  examples: ['epp-01'],
})

/** Targets by references or by labels, as schedules, windows and waivers select them. */
export const TargetSelection = Type.Union(
  [
    Type.Array(TargetReference, { minItems: 1, maxItems: 20_000, uniqueItems: true }),
    closedObject({ labels: LabelSelector }),
  ],
  {
    $id: 'TargetSelection',
    description: 'Names and external ids of targets, or a label selector',
    examples: [['epp-01'], [{ externalId: 'CI0012345' }], { labels: { site: 'hq' } }],
  },
)

export const ImportOutcome = Type.Object(
  {
    rows: Count('Rows of the document; a host of Nmap XML that is down or there again is not a row', 3),
    created: Count('New targets', 2),
    updated: Count('Targets that changed', 1),
    unchanged: Count('Targets that already had these values'),
    refused: Count('Invalid rows; 0 without `partial`'),
    errors: Type.Array(
      Type.Object({
        line: Type.Integer({
          minimum: 1,
          description: 'Line of the document where the row ends or, in XML, begins',
          examples: [17],
        }),
        pointer: Type.String({ description: 'JSON Pointer of the field; for CSV the column', examples: ['/address'] }),
        detail: Type.String({ description: 'What would be valid' }),
      }),
      { description: 'The first 100 validation errors', examples: [[]] },
    ),
    changes: Type.Array(
      Type.Object({ name: TargetName, created: Type.Boolean({ description: 'Whether the target is new' }) }),
      { description: 'The first 100 targets that are new or changed', examples: [[{ name: 'epp-01', created: true }]] },
    ),
    ...ImportNotes,
  },
  { $id: 'ImportOutcome', description: 'The effect of an import' },
)

/** A row of an import: the export adds times, which are ignored. */
export const ImportedTarget = closedObject({
  ...TargetInput.properties,
  createdAt: Type.Optional(Type.String({ maxLength: 40 })),
  updatedAt: Type.Optional(Type.String({ maxLength: 40 })),
  retiredAt: Type.Optional(Type.Null()),
})
