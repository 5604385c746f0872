import { type TSchema, Type } from 'typebox'
import { results } from '../../domain/findings/judge.ts'
import { reasonCodes, reasons } from '../../domain/findings/reasons.ts'
import { states } from '../../domain/findings/state.ts'
import { nameSchema } from '../../domain/policy/policy.ts'
import { closedObject } from '../../domain/policy/shape.ts'
import { idempotencyDays } from '../../store/db/maintenance.ts'
import { Problem } from '../http/problems.ts'

export { closedObject }

/** A response of JSON with a description of its own. */
export const described = <S extends TSchema>(description: string, schema: S) => ({
  description,
  content: { 'application/json': { schema } },
})

export const nullable = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()])
export const Timestamp = Type.String({ format: 'date-time', examples: ['2026-11-22T02:00:00.000Z'] })
export const NameParams = closedObject({ name: nameSchema('Name of the resource') })

export const Reason = Type.Object(
  {
    code: Type.Enum(reasonCodes, {
      description: reasonCodes.map((code) => `- \`${code}\`: ${reasons[code].message}`).join('\n'),
    }),
    message: Type.String(),
  },
  {
    $id: 'Reason',
    title: 'Reason',
    description: 'Why: a code of a closed list, and a sentence that a person can act on',
    examples: [{ code: 'as-expected', message: reasons['as-expected'].message }],
  },
)
export const Fingerprint = Type.String({
  format: 'uuid',
  description: 'Names what is compared over time, whatever its target is called: the key of a ticket',
})
export const Result = Type.Enum([...results], { description: "XCCDF's results" })
export const State = Type.Enum([...states])
/** What was judged, and why so. */
export const Judged = { result: Result, state: State, reason: Reason }

const count = Type.Integer({ minimum: 0 })
export const Counts = Type.Object({
  pass: count,
  fail: count,
  unknown: count,
  error: count,
  notapplicable: count,
  notchecked: count,
})
export const AuditCounts = Type.Object(
  {
    ...Counts.properties,
    waived: Type.Integer({ minimum: 0, description: 'So many of those that fail are accepted by a waiver' }),
  },
  { description: 'By result; a waived finding still counts as `fail` here, and not in the verdict' },
)
export const Coverage = Type.Object({ checked: count, notchecked: count })

export const PageQuery = {
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100, description: 'Items of a page' }),
  cursor: Type.Optional(Type.String({ maxLength: 1000, description: 'The field `next` of the page before' })),
}

/** A page of a keyset listing. */
export const pageOf = <S extends TSchema>(item: S) =>
  Type.Object(
    {
      items: Type.Array(item),
      next: nullable(Type.String({ description: 'Cursor of the next page; null on the last' })),
    },
    { $id: `${(item as { $id?: string }).$id}Page` },
  )

const problemTexts: Record<number, string> = {
  400: 'The request is malformed; `errors` names the fields',
  401: 'No valid key',
  403: 'The scopes of the key do not allow it',
  404: 'There is no such resource',
  406: '`Accept` names no media type that there is',
  409: 'The state of the resource does not allow it',
  412: 'The resource was changed since its ETag was read',
  413: 'The body is too large',
  415: 'The body has a media type that this operation does not take',
  422: 'The request is well-formed and cannot be carried out; `errors` names the fields',
  429: 'The key asked too often, or has too much under way; `Retry-After` says when to come back',
  503: 'The service cannot do it for now; `Retry-After` says when to come back',
  500: 'A fault of the service; the log has more under the request id',
}

/** Of a read that has a strong ETag. */
export const unchanged = {
  304: Type.Null({ description: 'Unchanged: `If-None-Match` names the ETag of what is there (RFC 9110)' }),
}

/** On every POST that creates. */
export const IdempotencyKey = {
  'idempotency-key': Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 200,
      description: `The same key with the same body makes nothing a second time, and answers what the first made; remembered for ${idempotencyDays} days`,
    }),
  ),
}

/** The problem answers of an operation; those that every operation of /v1 can give come by themselves. */
export const problems = (...statuses: number[]) =>
  Object.fromEntries(
    [...statuses, 400, 401, 403, 429, 500, 503]
      .sort()
      .map((status) => [
        status,
        { description: problemTexts[status], content: { 'application/problem+json': { schema: Problem } } },
      ]),
  )

/** For OpenAPI: whatever method may have a body can be refused for it, also where no body is asked for. */
export function describeBody<S extends { response?: unknown }>(
  schema: S,
  { method }: { method: string | string[] },
): S {
  if (!schema.response || [method].flat().some((one) => one === 'GET' || one === 'HEAD')) return schema
  return { ...schema, response: { ...problems(413, 415), ...schema.response } }
}

interface Response {
  description?: string
  type?: string
  content?: object
}

/** For OpenAPI: every response names its media type. */
export function describeResponses<S extends { response?: unknown }>(schema: S): S {
  const responses = Object.entries((schema.response ?? {}) as Record<string, Response>)
  const described = responses.map(([status, response]) => {
    if (response.content || response.type === 'null') return [status, response]
    return [status, { description: 'Success', content: { 'application/json': { schema: response } } }]
  })
  return { ...schema, response: Object.fromEntries(described) }
}
