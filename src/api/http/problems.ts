import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import {
  ConflictError,
  ForbiddenError,
  NotFoundError,
  NotReadyError,
  QuotaError,
  RefusedError,
} from '../../domain/errors.ts'
import { pointerTo } from '../../encoding/json-pointer.ts'
import { hideSecrets, isPlainText, plainText, showControls } from '../../encoding/text.ts'
import { isUnavailable } from '../../store/db/outages.ts'
import { InvalidCursorError } from '../../store/query/cursor-page.ts'
import { aboutRequest } from './request-log.ts'

/** Problem details, RFC 9457. */
export const Problem = Type.Object(
  {
    type: Type.String({ examples: ['about:blank'] }),
    title: Type.String({ examples: ['Unprocessable Content'] }),
    status: Type.Integer({ examples: [422] }),
    detail: Type.Optional(Type.String({ examples: ['there is no policy netwrix: GET /v1/policies lists them'] })),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          in: Type.Enum(['body', 'query', 'path', 'header']),
          pointer: Type.String({
            description: 'JSON Pointer (RFC 6901) into that part of the request',
            examples: ['/policy'],
          }),
          detail: Type.String(),
          line: Type.Optional(
            Type.Integer({
              description: 'Of an import: the line of the body where the refused row ends or, in XML, begins',
            }),
          ),
        }),
      ),
    ),
    refused: Type.Optional(
      Type.Integer({ description: 'Of an import: how many rows are refused; `errors` has the first of them' }),
    ),
    requestId: Type.Optional(Type.String({ description: 'Names the request in the log of the service' })),
  },
  { $id: 'Problem', title: 'Problem', description: 'Problem details, RFC 9457' },
)

type Place = 'body' | 'query' | 'path' | 'header'
interface ProblemBody {
  status: number
  detail?: string
  errors?: { in: Place; pointer: string; detail: string; line?: number }[]
  refused?: number
  requestId?: string
}

const titles: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  408: 'Request Timeout',
  409: 'Conflict',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}

/** For how long a full disk or a database that is away may last at the least. */
const unavailableSeconds = 10

/** Answers with problem details. What they quote of the request may be a key in the wrong place, or meant for a terminal. */
export function sendProblem(reply: FastifyReply, { status, detail, errors, ...rest }: ProblemBody): FastifyReply {
  const told = {
    ...(detail !== undefined && { detail: hideSecrets(detail) }),
    ...(errors && { errors: errors.map((error) => ({ ...error, detail: hideSecrets(error.detail) })) }),
  }
  return reply
    .code(status)
    .type('application/problem+json')
    .send(
      showControls(JSON.stringify({ type: 'about:blank', title: titles[status] ?? 'Error', status, ...told, ...rest })),
    )
}

/** Every error of every route becomes problem details here, and nowhere else. */
export function registerProblems(app: FastifyInstance): void {
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const known = error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE' ? unreadProblem(request) : problemOf(error)
    if (error instanceof QuotaError) reply.header('retry-after', error.retryAfterSeconds)
    if (error instanceof NotReadyError) reply.header('retry-after', unavailableSeconds)
    if (known) return sendProblem(reply, known)
    request.log.error({ ...aboutRequest(request), err: error }, 'request failed')
    const unavailable = isUnavailable(error)
    if (unavailable) reply.header('retry-after', unavailableSeconds)
    return sendProblem(reply, { status: unavailable ? 503 : 500, requestId: request.id })
  })
  // No name and no text needs them.
  app.addHook('preValidation', ({ url, body, query, params }, reply, done) => {
    if (!isDecodable(url))
      return void sendProblem(reply, { status: 400, detail: 'the query must be UTF-8, percent-encoded' })
    const parts = { body, query, path: params }
    for (const [place, part] of Object.entries(parts) as [Place, unknown][]) {
      const pointer = findUnstorable(part)
      if (pointer === undefined) continue
      const errors = [{ in: place, pointer, detail: plainText }]
      return void sendProblem(reply, { status: 400, detail: `${pointer} ${plainText}`, errors })
    }
    done()
  })
}

/** The path was decoded to find the route; what cannot be decoded in a query stands for another text than was meant. */
function isDecodable(url: string): boolean {
  if (!url.includes('%')) return true
  try {
    decodeURIComponent(url)
    return true
  } catch {
    return false
  }
}

const placeOf: Record<string, Place> = { body: 'body', querystring: 'query', params: 'path', headers: 'header' }
const maxErrors = 20

function problemOf(error: FastifyError): ProblemBody | undefined {
  if (error instanceof RefusedError) {
    const errors = error.issues
      .slice(0, maxErrors)
      .map(({ pointer, message }) => ({ in: error.part, pointer, detail: message }))
    return { status: 422, detail: error.message, errors }
  }
  if (error instanceof NotFoundError) return { status: 404, detail: error.message }
  if (error instanceof ForbiddenError) return { status: 403, detail: error.message }
  if (error instanceof QuotaError) return { status: 429, detail: error.message }
  if (error instanceof NotReadyError) return { status: 503, detail: error.message }
  if (error instanceof ConflictError) return { status: 409, detail: error.message }
  if (error instanceof InvalidCursorError)
    return { status: 400, detail: error.message, errors: [{ in: 'query', pointer: '/cursor', detail: error.message }] }
  if (error.validation) return validationProblem(error)
  if (error.statusCode && error.statusCode >= 400 && error.statusCode < 500)
    return { status: error.statusCode, detail: error.message }
  return undefined
}

/** What says which media types the operation takes. */
function unreadProblem({ routeOptions }: FastifyRequest): ProblemBody {
  const { content = { 'application/json': {} } } = (routeOptions.schema?.body ?? {}) as { content?: object }
  return { status: 415, detail: `send it as ${Object.keys(content).join(', ')}` }
}

/** What fastify refuses before there is a route: a URL that cannot be decoded. */
export const respondToFrameworkError = (error: FastifyError, _request: FastifyRequest, reply: FastifyReply) =>
  sendProblem(reply, { status: error.statusCode ?? 500, detail: error.message })

/** The place, as a JSON Pointer, of a text that cannot be kept or shown as it is. */
export function findUnstorable(value: unknown): string | undefined {
  if (typeof value === 'string') return isPlainText(value) ? undefined : ''
  if (typeof value !== 'object' || value === null) return undefined
  // Not all members at once: for millions of them the list of their entries alone takes many seconds.
  for (const key of Array.isArray(value) ? value.keys() : Object.keys(value)) {
    const found = findUnstorable(key) ?? findUnstorable((value as Record<string | number, unknown>)[key])
    if (found !== undefined) return pointerTo([key]) + found
  }
  return undefined
}

export type SchemaIssue = NonNullable<FastifyError['validation']>[number]

/** What does not fit a schema, each place with a sentence. */
export const describeSchemaIssues = (validation: readonly SchemaIssue[]): { pointer: string; detail: string }[] =>
  joinTypes(mostSpecific(validation))
    .slice(0, maxErrors)
    .map((schemaIssue) => {
      const { instancePath, keyword, params, message = 'is not valid' } = schemaIssue
      if (keyword === 'required')
        return { pointer: instancePath + pointerTo([String(params.missingProperty)]), detail: 'is required' }
      if (keyword === 'additionalProperties') {
        const pointer = instancePath + pointerTo([String(params.additionalProperty)])
        return { pointer, detail: 'is not a known field' }
      }
      const allowed = Array.isArray(params.allowedValues) ? `: ${params.allowedValues.join(', ')}` : ''
      return { pointer: instancePath, detail: `${message}${allowed}${exampleOf(schemaIssue)}` }
    })

/** A pattern or a format says little to whoever has not seen one that fits. */
function exampleOf(schemaIssue: SchemaIssue): string {
  const { parentSchema } = schemaIssue as { parentSchema?: { examples?: unknown[] } }
  const [example] = parentSchema?.examples ?? []
  return example !== undefined && ['pattern', 'format'].includes(schemaIssue.keyword) ? `, for example ${example}` : ''
}

/** What may be of one type or another is told once. */
function joinTypes(schemaIssues: readonly SchemaIssue[]): SchemaIssue[] {
  const isType = ({ keyword }: SchemaIssue) => keyword === 'type'
  const typesAt = Map.groupBy(schemaIssues.filter(isType), ({ instancePath }) => instancePath)
  return schemaIssues.flatMap((schemaIssue) => {
    if (!isType(schemaIssue)) return [schemaIssue]
    const types = typesAt.get(schemaIssue.instancePath) ?? []
    const message = `must be ${types.map(({ params }) => params.type).join(' or ')}`
    return types[0] === schemaIssue ? [{ ...schemaIssue, message }] : []
  })
}

function validationProblem({ validation = [], validationContext = 'body' }: FastifyError): ProblemBody {
  const place = placeOf[validationContext] ?? 'body'
  const errors = describeSchemaIssues(validation).map((error) => ({ in: place, ...error }))
  const first = errors[0]
  return {
    status: 400,
    detail: first ? `${first.pointer || `the ${place}`} ${first.detail}` : 'the request is not valid',
    errors,
  }
}

/** Of a union every branch complains. A branch of another type than the value has says nothing about what is wrong with it. */
function mostSpecific(all: readonly SchemaIssue[]): readonly SchemaIssue[] {
  /** Places of which is told what is wrong with them, or inside them. */
  const told = new Set<string>()
  for (const { keyword, instancePath } of all) {
    const steps = instancePath.split('/')
    if (keyword === 'type' || keyword === 'anyOf') steps.pop()
    for (; steps.length > 0; steps.pop()) told.add(steps.join('/'))
  }
  return all.filter(({ keyword, schemaPath, instancePath }) => {
    if (keyword === 'anyOf') return all.length === 1
    return keyword !== 'type' || !schemaPath.includes('/anyOf/') || !told.has(instancePath)
  })
}
