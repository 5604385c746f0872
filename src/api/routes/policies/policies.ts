import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { NotFoundError, RefusedError } from '../../../domain/errors.ts'
import { isRecord } from '../../../domain/policy/shape.ts'
import { checkDraft, draftOf } from '../../../operations/policies/check.ts'
import { putPolicy } from '../../../operations/policies/put.ts'
import { policySchema } from '../../../policies/schema.ts'
import { writeYaml } from '../../../policies/write.ts'
import type { PolicyVersion, StoredPolicyVersion } from '../../../store/inventory/policies.ts'
import type { View } from '../../context.ts'
import { readText } from '../../http/bodies/strict-json.ts'
import { IfMatch, revisionOf, versionTag } from '../../http/etags.ts'
import { withActorNames } from '../../listing/actor-names.ts'
import { linkNext } from '../../listing/links.ts'
import { described, problems } from '../../openapi/responses.ts'
import { closedObject, PageQuery, pageOf } from '../../openapi/schemas.ts'
import {
  FieldsQuery,
  Policy,
  PolicyBody,
  PolicyParams,
  PolicyPutQuery,
  PolicySchema,
  PolicySummary,
  PolicyValidation,
  PolicyVersionParams,
} from './schemas.ts'

/** Twice what 500 rules need. */
const maxValues = 100_000

export const policyRoutes: FastifyPluginAsyncTypebox = async (app) => {
  // YAML stays text, so that issues name their line.
  app.addContentTypeParser<Buffer>(
    ['application/yaml', 'application/x-yaml', 'text/yaml'],
    { parseAs: 'buffer' },
    async (request: FastifyRequest, body: Buffer) => readText(request, body),
  )

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
        description: 'The newest version of each policy, ordered by name.',
        querystring: closedObject({ ...FieldsQuery, ...PageQuery }),
        response: { 200: pageOf(Type.Union([Policy, PolicySummary])), ...problems() },
      },
    },
    async ({ query, url, view }, reply) => {
      const page = await view.stores.policies.list(query)
      return linkNext(reply, url, { ...page, items: await showAll(view, page.items, query) })
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
        description: 'For editors and validators; `POST /v1/policies/validate` checks more than a schema can.',
        response: { 200: PolicySchema, ...problems() },
      },
    },
    async () => policySchema,
  )

  app.post(
    '/policies/validate',
    {
      config: { scope: ['policies:write', 'reports:read'], limited: true, maxValues },
      schema: {
        operationId: 'validatePolicy',
        tags: ['policies'],
        summary: 'Validate a policy',
        description: 'Accepts JSON or `application/yaml`; does not store the document.',
        body: PolicyBody,
        response: { 200: PolicyValidation, ...problems(413, 415) },
      },
    },
    async ({ body, view }) => {
      const checked = await checkDraft(view.stores, draftOf(body))
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
        description: 'The newest version of the policy.',
        params: PolicyParams,
        response: { 200: Policy, ...problems(404) },
      },
    },
    async ({ params, view }, reply) => respond(reply, view, await find(view, params.name)),
  )

  app.put(
    '/policies/:name',
    {
      config: { scope: 'policies:write', maxValues },
      schema: {
        operationId: 'putPolicy',
        tags: ['policies'],
        summary: 'Create or update a policy',
        description:
          'Accepts JSON or `application/yaml`. A changed document becomes a new version, and so does YAML of which only the text differs: the text is kept, with its comments. A document with `extends` is stored resolved: a later version of its base does not change it.',
        params: PolicyParams,
        querystring: PolicyPutQuery,
        headers: IfMatch,
        body: PolicyBody,
        response: {
          200: described('The newest version has the same content', Policy),
          201: described('A new version was created', Policy),
          ...problems(412, 413, 415, 422),
        },
      },
    },
    async ({ params, body, headers, query, caller, view }, reply) => {
      const checked = await checkDraft(view.stores, draftOf(body))
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
      const origin = { note: query.note, source: sourceOf(body) }
      const { stored, created } = await putPolicy(view, checked.document, revisionOf(caller, headers), origin)
      return respond(reply.code(created ? 201 : 200), view, stored)
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
        description: 'All versions, newest first.',
        params: PolicyParams,
        querystring: closedObject(FieldsQuery),
        response: { 200: pageOf(Type.Union([Policy, PolicySummary])), ...problems(404) },
      },
    },
    async ({ params, query, view }) => {
      await find(view, params.name)
      return { items: await showAll(view, await view.stores.policies.versions(params.name), query), next: null }
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
        params: PolicyVersionParams,
        response: { 200: Policy, ...problems(404) },
      },
    },
    async ({ params, view }, reply) => respond(reply, view, await find(view, params.name, params.version)),
  )
}

/** The text to keep; `extends` is in no stored document. */
function sourceOf(body: unknown): string | undefined {
  if (typeof body === 'string') return body
  return isRecord(body) && body.extends !== undefined ? writeYaml(body) : undefined
}

const show = ({ id: _id, ...policy }: StoredPolicyVersion): PolicyVersion => policy

function summarize({ document, ...version }: Static<typeof Policy>): Static<typeof PolicySummary> {
  const { title, rules } = document
  return { ...version, title, rules: rules.length, zones: [...new Set(rules.flatMap(({ from }) => from))].sort() }
}

async function showAll({ stores }: View, versions: StoredPolicyVersion[], { fields }: { fields?: 'summary' }) {
  const shown = await withActorNames(stores, versions.map(show), ['author'])
  return fields === 'summary' ? shown.map(summarize) : shown
}

async function respond(reply: FastifyReply, view: View, policy: StoredPolicyVersion) {
  const [shown] = await showAll(view, [policy], {})
  return reply
    .header('etag', versionTag(policy))
    .send({ ...shown, source: (await view.stores.policies.source(policy.id)) ?? writeYaml(policy.document) })
}
