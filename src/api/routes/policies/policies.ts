import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { NotFoundError, RefusedError } from '../../../domain/errors.ts'
import { checkPolicy, loadPolicy } from '../../../policies/load.ts'
import { policySchema } from '../../../policies/schema.ts'
import { type PolicyVersion, policyPut, type StoredPolicyVersion } from '../../../store/inventory/policies.ts'
import type { View } from '../../context.ts'
import { readText } from '../../http/strict-json.ts'
import { linkNext } from '../../listing/links.ts'
import { closedObject, described, NameParams, PageQuery, pageOf, problems, Timestamp } from '../../openapi/schemas.ts'

const Document = Type.Unsafe<PolicyVersion['document']>({
  type: 'object',
  additionalProperties: true,
  description: 'A policy document; its JSON Schema is at /v1/policies/schema',
})

// Any JSON value and any text pass here: the loader checks the document, and says more than a schema can.
const DocumentBody = {
  content: {
    'application/json': { schema: Type.Unknown({ $id: 'PolicyDocument', description: 'A policy document' }) },
    'application/yaml': { schema: Type.String({ description: 'A policy document in YAML 1.2' }) },
  },
}

export const Policy = Type.Object(
  {
    name: Type.String({ examples: ['netwrix-endpoint-protector'] }),
    version: Type.Integer({ minimum: 1 }),
    digest: Type.String({ description: 'SHA-256 of the canonical document (RFC 8785), hexadecimal' }),
    createdAt: Timestamp,
    document: Document,
  },
  { $id: 'Policy', title: 'Policy', description: 'One immutable version of a policy' },
)
const Validation = Type.Object(
  {
    valid: Type.Boolean(),
    errors: Type.Array(
      Type.Object({
        pointer: Type.String(),
        line: Type.Optional(Type.Integer({ minimum: 1 })),
        message: Type.String(),
      }),
    ),
  },
  { $id: 'PolicyValidation' },
)
const VersionParams = closedObject({
  ...NameParams.properties,
  version: Type.Integer({ minimum: 1, maximum: 2_147_483_647 }),
})

export const policyRoutes: FastifyPluginAsyncTypebox = async (app) => {
  // YAML comes through as text, so that mistakes can be told by line.
  app.addContentTypeParser<Buffer>(
    ['application/yaml', 'application/x-yaml', 'text/yaml'],
    { parseAs: 'buffer' },
    async (request: FastifyRequest, body: Buffer) => readText(request, body),
  )

  const check = (body: unknown) => (typeof body === 'string' ? loadPolicy(body, 'yaml') : checkPolicy(body))

  const find = async ({ stores }: View, name: string, version?: number) => {
    const policy = await stores.policies.find(name, version)
    if (!policy)
      throw new NotFoundError(
        version === undefined ? `there is no policy ${name}` : `policy ${name} has no version ${version}`,
      )
    return policy
  }

  app.get(
    '/policies',
    {
      config: { scope: ['reports:read', 'audits:run', 'policies:write'], limited: true },
      schema: {
        operationId: 'listPolicies',
        tags: ['policies'],
        summary: 'List policies',
        querystring: closedObject(PageQuery),
        response: { 200: pageOf(Policy), ...problems() },
      },
    },
    async ({ query, url, view }, reply) => {
      const page = await view.stores.policies.list(query)
      return linkNext(reply, url, { ...page, items: page.items.map(show) })
    },
  )

  app.get(
    '/policies/schema',
    {
      config: { scope: ['reports:read', 'audits:run', 'policies:write'], limited: true },
      schema: {
        operationId: 'getPolicySchema',
        tags: ['policies'],
        summary: 'Get the JSON Schema of policies',
        response: { 200: Type.Unsafe<object>({ type: 'object', additionalProperties: true }), ...problems() },
      },
    },
    async () => policySchema,
  )

  app.post(
    '/policies/validate',
    {
      config: { scope: ['policies:write', 'reports:read'], limited: true },
      schema: {
        operationId: 'validatePolicy',
        tags: ['policies'],
        summary: 'Validate a policy',
        description: 'Takes JSON or `application/yaml`.',
        body: DocumentBody,
        response: { 200: Validation, ...problems(413, 415) },
      },
    },
    async ({ body }) => {
      const checked = check(body)
      return { valid: !('errors' in checked), errors: 'errors' in checked ? checked.errors : [] }
    },
  )

  app.get(
    '/policies/:name',
    {
      config: { scope: ['reports:read', 'audits:run', 'policies:write'], limited: true },
      schema: {
        operationId: 'getPolicy',
        tags: ['policies'],
        summary: 'Get a policy',
        params: NameParams,
        response: { 200: Policy, ...problems(404) },
      },
    },
    async ({ params, view }, reply) => answer(reply, await find(view, params.name)),
  )

  app.put(
    '/policies/:name',
    {
      config: { scope: 'policies:write' },
      schema: {
        operationId: 'putPolicy',
        tags: ['policies'],
        summary: 'Create or update a policy',
        description: 'Takes JSON or `application/yaml`. Where the newest version says the same, nothing is added.',
        params: NameParams,
        body: DocumentBody,
        response: {
          200: described('The newest version says the same', Policy),
          201: described('A new version', Policy),
          ...problems(413, 415, 422),
        },
      },
    },
    async ({ params, body, caller, view }, reply) => {
      const checked = check(body)
      if ('errors' in checked) {
        throw new RefusedError(
          checked.errors.map(({ pointer, line, message }) => ({
            pointer,
            message: line === undefined ? message : `line ${line}: ${message}`,
          })),
        )
      }
      if (checked.document.name !== params.name)
        throw new RefusedError([{ pointer: '/name', message: `must be ${params.name}, as in the path` }])
      if (params.name === 'schema')
        throw new RefusedError([{ pointer: '/name', message: 'its path is that of the schema' }])
      const { stored, created } = await view.transaction(async (tx) => {
        const put = await tx.policies.put(checked.document)
        if (put.created) tx.ledger.record(policyPut(caller.keyId, put.stored))
        return put
      })
      return answer(reply.code(created ? 201 : 200), stored)
    },
  )

  app.get(
    '/policies/:name/versions',
    {
      config: { scope: ['reports:read', 'audits:run', 'policies:write'], limited: true },
      schema: {
        operationId: 'listPolicyVersions',
        tags: ['policies'],
        summary: 'List the versions of a policy',
        params: NameParams,
        response: { 200: pageOf(Policy), ...problems(404) },
      },
    },
    async ({ params, view }) => {
      await find(view, params.name)
      return { items: (await view.stores.policies.versions(params.name)).map(show), next: null }
    },
  )

  app.get(
    '/policies/:name/versions/:version',
    {
      config: { scope: ['reports:read', 'audits:run', 'policies:write'], limited: true },
      schema: {
        operationId: 'getPolicyVersion',
        tags: ['policies'],
        summary: 'Get a version of a policy',
        params: VersionParams,
        response: { 200: Policy, ...problems(404) },
      },
    },
    async ({ params, view }, reply) => answer(reply, await find(view, params.name, params.version)),
  )
}

const show = ({ id: _id, ...policy }: StoredPolicyVersion): PolicyVersion => policy

const answer = (reply: FastifyReply, policy: StoredPolicyVersion) =>
  reply.header('etag', `"${policy.digest}"`).send(show(policy))
