import { Type } from 'typebox'
import { PolicyDocument } from '../../../domain/policy/policy.ts'
import type { PolicyVersion } from '../../../store/inventory/policies.ts'
import {
  Actor,
  ActorName,
  Count,
  Counts,
  closedObject,
  NameParams,
  nullable,
  Reason,
  Result,
  State,
  Timestamp,
} from '../../openapi/schemas.ts'
import { Labels, TargetName, TargetReference } from '../targets/schemas.ts'

/** A policy for examples. */
export const examplePolicy = {
  name: 'netwrix-endpoint-protector',
  title: 'Netwrix Endpoint Protector, network ports of server and client',
  rules: [
    {
      id: 'ssh-support',
      title: 'SSH is reachable for support during an intervention only',
      severity: 'high',
      direction: 'inbound',
      from: ['support'],
      probe: 'ssh',
      port: 22,
      expect: { state: ['closed', 'filtered'] },
      insideWindow: { expect: { state: ['open'], ssh: { speaks: true } } },
    },
  ],
}

/** How the OpenAPI document shows policies. The schema of rules, which is long, is served at /v1/policies/schema. */
export const documentedPolicy = {
  ...PolicyDocument,
  description: 'A policy document; GET /v1/policies/schema returns the JSON Schema of its rules',
  examples: [examplePolicy],
}

// Accepts any value: the loader checks policies, and its messages name line and field.
const AnyDocument = Type.Unknown({ $id: 'PolicyDocument' })
export const PolicyBody = {
  content: {
    'application/json': { schema: AnyDocument },
    'application/yaml': {
      schema: Type.String({
        maxLength: 10 * 2 ** 20,
        description: 'A policy document in YAML 1.2',
        examples: [
          [
            'name: netwrix-endpoint-protector',
            'title: Netwrix Endpoint Protector, network ports of server and client',
            'rules:',
            '  - id: ssh-support',
            '    title: SSH is reachable for support during an intervention only',
            '    severity: high',
            '    direction: inbound',
            '    from: [support]',
            '    probe: ssh',
            '    port: 22',
            '    expect: { state: [closed, filtered] }',
            '    insideWindow: { expect: { state: [open], ssh: { speaks: true } } }',
            '',
          ].join('\n'),
        ],
      }),
    },
  },
}

export const Policy = Type.Object(
  {
    name: Type.String({ description: 'Name of the policy', examples: ['netwrix-endpoint-protector'] }),
    version: Type.Integer({ minimum: 1, description: 'Number of the version', examples: [1] }),
    digest: Type.String({
      description: 'SHA-256 of the canonical document (RFC 8785), hexadecimal',
      examples: ['6f1d3a2b9c4e5d60718293a4b5c6d7e8f90112233445566778899aabbccddeef'],
    }),
    createdAt: Timestamp('When the version was created', '00:30:00'),
    author: nullable(Actor('Who put the version'), {
      description: 'Who put the version; null if an older service did not keep it',
    }),
    authorName: ActorName('author'),
    note: nullable(Type.String({ examples: ['CHG0030001: SSH for support'] }), {
      description: 'Why the version was put',
    }),
    source: Type.Optional(
      Type.String({
        description:
          'The YAML text, with its comments; of a version that was put as JSON, its document as YAML. Only of a single version',
        examples: ['name: netwrix-endpoint-protector\n…'],
      }),
    ),
    document: Type.Unsafe<PolicyVersion['document']>({ $id: 'PolicyDocument' }),
  },
  { $id: 'Policy', description: 'One immutable version of a policy' },
)
/** A version without its content. */
export const PolicySummary = Type.Object(
  {
    ...Type.Pick(Policy, ['name', 'version', 'digest', 'createdAt', 'author', 'authorName', 'note']).properties,
    title: Type.String({ description: 'Title of the policy', examples: ['Netwrix Endpoint Protector'] }),
    rules: Count('Number of rules', 6),
    zones: Type.Array(Type.String(), { description: 'Zones that its rules name', examples: [['client', 'support']] }),
  },
  { $id: 'PolicySummary', description: 'One immutable version of a policy, without its document' },
)
/** For listings of versions. */
export const FieldsQuery = {
  fields: Type.Optional(
    Type.Enum(['summary'], {
      description: '`summary`: without the documents, with the number of their rules',
      examples: ['summary'],
    }),
  ),
}
export const PolicyPutQuery = closedObject({
  note: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 1000,
      description: 'Why the version is put',
      examples: ['CHG0030001: SSH for support'],
    }),
  ),
})
export const PolicyParams = NameParams('netwrix-endpoint-protector')
export const PolicyVersionParams = closedObject({
  ...PolicyParams.properties,
  version: Type.Integer({
    minimum: 1,
    maximum: 2_147_483_647,
    description: 'Number of the version',
    examples: [1],
  }),
})
export const PolicySchema = Type.Unsafe<object>({
  type: 'object',
  additionalProperties: true,
  description: 'The JSON Schema (2020-12) of a policy document',
  examples: [{ $schema: 'https://json-schema.org/draft/2020-12/schema', type: 'object' }],
})

export const PolicyValidation = Type.Object(
  {
    valid: Type.Boolean({ description: 'Whether the document can be stored', examples: [false] }),
    errors: Type.Array(
      Type.Object({
        pointer: Type.String({ description: 'JSON Pointer of the value', examples: ['/rules/0/port'] }),
        line: Type.Optional(Type.Integer({ minimum: 1, description: 'Line in the YAML document', examples: [9] })),
        message: Type.String({
          description: 'What would be valid',
          examples: ['must be a port from 1 to 65535'],
        }),
      }),
      { description: 'All validation errors' },
    ),
  },
  { $id: 'PolicyValidation', description: 'Whether a policy document is valid' },
)

export const PolicyPreviewRequest = closedObject(
  {
    document: Type.Union(
      [AnyDocument, Type.String({ maxLength: 10 * 2 ** 20, description: 'A policy document in YAML 1.2' })],
      { description: 'The draft', examples: [examplePolicy] },
    ),
    targets: Type.Union(
      [
        Type.Array(TargetReference, { minItems: 1, maxItems: 20_000, uniqueItems: true }),
        closedObject({ labels: Labels }, { description: 'A label selector; without labels all targets' }),
      ],
      { description: 'Names and external ids of targets, or a label selector', examples: [['epp-01']] },
    ),
    limit: Type.Integer({
      minimum: 1,
      maximum: 20_000,
      default: 1_000,
      description: 'The most findings in `items`; `changes` counts all',
      examples: [100],
    }),
  },
  {
    $id: 'PolicyPreviewRequest',
    description: 'The draft to judge, and for which targets',
    examples: [{ document: examplePolicy, targets: ['epp-01'] }],
  },
)
export const PolicyPreview = Type.Object(
  {
    counts: Counts,
    changes: Type.Array(
      Type.Object({
        before: nullable(Result, { description: 'Current result; null if there is none', examples: ['pass'] }),
        after: nullable(Result, {
          description: 'Result with the draft; null if it has no such rule',
          examples: ['fail'],
        }),
        count: Count('Number of findings', 12),
      }),
      { description: 'How many findings would change from one result to another, most first' },
    ),
    items: Type.Array(
      Type.Object({
        target: TargetName,
        rule: Type.String({ description: 'Id of the rule', examples: ['ssh-restricted'] }),
        vantage: Type.String({ description: 'Name of the vantage', examples: ['local'] }),
        before: nullable(Result, { description: 'Current result; null if there is none', examples: ['fail'] }),
        after: nullable(
          Type.Object({ result: Result, state: State, reason: Type.Unsafe<string>(Reason.properties.code) }),
          {
            description: 'Result with the draft; null if the draft has no such rule',
            examples: [{ result: 'pass', state: 'closed', reason: 'as-expected' }],
          },
        ),
      }),
      { description: 'The findings that would change, by target, up to `limit`' },
    ),
  },
  { $id: 'PolicyPreview', description: 'The effect of a draft' },
)
