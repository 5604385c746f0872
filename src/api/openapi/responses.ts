import { type TSchema, Type } from 'typebox'
import { Problem } from '../http/problems.ts'

const problemTexts = {
  400: 'The request is malformed; `errors` lists the invalid fields',
  401: 'The credentials are missing or invalid',
  403: 'The credentials do not allow this operation',
  404: 'The resource does not exist',
  406: '`Accept` lists no media type of this operation',
  409: 'The state of the resource does not allow this operation',
  412: 'The resource has changed since its ETag was read',
  413: 'The body is too large',
  415: 'The operation does not accept this media type',
  422: 'The request is well-formed and cannot be carried out; `errors` lists the fields',
  429: 'The key exceeds its rate limit or its quota; retry after `Retry-After` seconds',
  500: 'The service failed; its log has the details under the request id',
  503: 'The service is unavailable; retry after `Retry-After` seconds',
}

const always = [400, 401, 403, 429, 500, 503] as const

/** The problem responses of an operation, with those that every operation under /v1 has. */
export const problems = (...statuses: (keyof typeof problemTexts)[]) =>
  Object.fromEntries([...statuses, ...always].sort().map((status) => [status, problem(problemTexts[status])]))

/** A problem response with a description of its own. */
export const problem = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: Problem } },
})

/** A JSON response with a description of its own. */
export const described = <S extends TSchema>(description: string, schema: S) => ({
  description,
  content: { 'application/json': { schema } },
})

/** Of a read that has a strong ETag. */
export const unchanged = {
  304: Type.Null({ description: 'Not modified: `If-None-Match` lists the current ETag (RFC 9110)' }),
}

/** For OpenAPI: every method with a body can respond 413 and 415, also where the operation defines no body. */
export function describeBody<S extends { response?: unknown }>(
  schema: S,
  { method }: { method: string | string[] },
): S {
  if (!schema.response || [method].flat().some((one) => one === 'GET' || one === 'HEAD')) return schema
  return { ...schema, response: { ...problems(413, 415), ...schema.response } }
}

interface Response {
  type?: string
  content?: object
}

/** For OpenAPI: every response with a body names its media type. */
export function describeResponses<S extends { response?: unknown }>(schema: S): S {
  const responses = Object.entries((schema.response ?? {}) as Record<string, Response>)
  const complete = responses.map(([status, response]) => {
    if (response.content || response.type === 'null') return [status, response]
    return [status, { description: 'Success', content: { 'application/json': { schema: response } } }]
  })
  return { ...schema, response: Object.fromEntries(complete) }
}
