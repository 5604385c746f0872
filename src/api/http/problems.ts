import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import {
  ConflictError,
  ForbiddenError,
  NotFoundError,
  NotReadyError,
  QuotaError,
  RefusedError,
  StaleError,
  type ValidationIssue,
} from '../../domain/errors.ts'
import { pointerTo } from '../../encoding/json-pointer.ts'
import { hideSecrets, isPlainText, plainText, showControls } from '../../encoding/text.ts'
import { isUnavailable } from '../../store/db/outages.ts'
import { InvalidCursorError } from '../../store/query/cursor-page.ts'
import { afterTurn } from './bodies/strict-json.ts'
import { issuesOf, maxIssues } from './issues.ts'
import { logRequest } from './request-log.ts'

/** Of an import: what the service assumed of the document and passed over. */
export const ImportNotes = {
  notes: Type.Optional(
    Type.Array(
      Type.Object({
        line: Type.Integer({ minimum: 1, description: 'Line of the document, the first time', examples: [1] }),
        detail: Type.String({ description: 'What was assumed or passed over, and why' }),
        count: Type.Integer({ minimum: 1, description: 'How many times', examples: [1] }),
      }),
      {
        description:
          'Of an import: what was assumed of the document and passed over; absent if there is nothing to note',
        examples: [[{ line: 1, detail: 'cells are separated by semicolons', count: 1 }]],
      },
    ),
  ),
  omittedNotes: Type.Optional(
    Type.Integer({ minimum: 1, description: 'Of an import: further notes than the first 100', examples: [1] }),
  ),
}

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
    ...ImportNotes,
    requestId: Type.Optional(Type.String({ description: 'Names the request in the log of the service' })),
  },
  { $id: 'Problem', title: 'Problem', description: 'Problem details, RFC 9457' },
)

type RequestPart = 'body' | 'query' | 'path' | 'header'
interface ProblemBody {
  status: number
  detail?: string
  errors?: { in: RequestPart; pointer: string; detail: string; line?: number }[]
  refused?: number
  notes?: object[]
  omittedNotes?: number
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

/** Retry-After while the database or the disk fails. */
const unavailableSeconds = 10

/** Sends problem details, without secrets and control characters. */
export function sendProblem(reply: FastifyReply, { status, detail, errors, ...rest }: ProblemBody): FastifyReply {
  const shown = {
    ...(detail !== undefined && { detail: hideSecrets(detail) }),
    ...(errors && { errors: errors.map((error) => ({ ...error, detail: hideSecrets(error.detail) })) }),
  }
  return reply
    .code(status)
    .type('application/problem+json')
    .send(
      showControls(
        JSON.stringify({ type: 'about:blank', title: titles[status] ?? 'Error', status, ...shown, ...rest }),
      ),
    )
}

/** Turns every error of every route into problem details. */
export function registerProblems(app: FastifyInstance, noteRefusal: (quota: string) => void): void {
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const known = error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE' ? mediaTypeProblem(request) : problemOf(error)
    if (error instanceof QuotaError) {
      if (error.quota) noteRefusal(error.quota)
      reply.header('retry-after', error.retryAfterSeconds)
    }
    if (error instanceof NotReadyError) reply.header('retry-after', unavailableSeconds)
    if (known) return sendProblem(reply, known)
    logRequest(request, 'error', { err: error }, 'request failed')
    const unavailable = isUnavailable(error)
    if (unavailable) reply.header('retry-after', unavailableSeconds)
    return sendProblem(reply, { status: unavailable ? 503 : 500, requestId: request.id })
  })
  app.addHook('preValidation', (request, _reply, done) => afterTurn(request, done))
  // Control characters can be neither stored nor shown.
  app.addHook('preValidation', (request, reply, done) => {
    const { url, body, query, params, routeOptions } = request
    if (!isDecodable(url))
      return void sendProblem(reply, { status: 400, detail: 'the query must be UTF-8, percent-encoded' })
    const parts = { body: routeOptions.config.acceptsAnyText ? undefined : body, query, path: params }
    for (const [part, value] of Object.entries(parts) as [RequestPart, unknown][]) {
      const pointer = findUnstorable(value)
      if (pointer === undefined) continue
      const errors = [errorOf(part, { pointer, message: plainText })]
      return void sendProblem(reply, { status: 400, detail: `${pointer} ${plainText}`, errors })
    }
    afterTurn(request, done)
  })
}

/** Whether the query can be decoded. */
function isDecodable(url: string): boolean {
  if (!url.includes('%')) return true
  try {
    decodeURIComponent(url)
    return true
  } catch {
    return false
  }
}

const partOf: Record<string, RequestPart> = { body: 'body', querystring: 'query', params: 'path', headers: 'header' }

/** An issue as a member of `errors`. */
export const errorOf = (part: RequestPart, { pointer, message, line }: ValidationIssue) => ({
  in: part,
  pointer,
  detail: message,
  line,
})

function problemOf(error: FastifyError): ProblemBody | undefined {
  if (error instanceof RefusedError) {
    const errors = error.issues.slice(0, maxIssues).map((issue) => errorOf(error.part, issue))
    return { status: 422, detail: error.message, errors }
  }
  if (error instanceof NotFoundError) return { status: 404, detail: error.message }
  if (error instanceof ForbiddenError) return { status: 403, detail: error.message }
  if (error instanceof QuotaError) return { status: 429, detail: error.message }
  if (error instanceof NotReadyError) return { status: 503, detail: error.message }
  if (error instanceof ConflictError) return { status: 409, detail: error.message }
  if (error instanceof StaleError)
    return {
      status: 412,
      detail:
        'it has changed since the version that If-Match names was read, or exists although If-None-Match excludes it: read it again',
    }
  if (error instanceof InvalidCursorError)
    return {
      status: 400,
      detail: error.message,
      errors: [errorOf('query', { pointer: '/cursor', message: error.message })],
    }
  if (error.validation) return validationProblem(error)
  if (error.statusCode && error.statusCode >= 400 && error.statusCode < 500)
    return { status: error.statusCode, detail: error.message }
  return undefined
}

/** Lists the media types that the operation accepts. */
function mediaTypeProblem({ routeOptions }: FastifyRequest): ProblemBody {
  const { content = { 'application/json': {} } } = (routeOptions.schema?.body ?? {}) as { content?: object }
  return { status: 415, detail: `send it as ${Object.keys(content).join(', ')}` }
}

/** Handles errors before routing: a URL that cannot be decoded. */
export const respondToFrameworkError = (error: FastifyError, _request: FastifyRequest, reply: FastifyReply) =>
  sendProblem(reply, { status: error.statusCode ?? 500, detail: error.message })

/** The JSON Pointer of a text that cannot be stored or shown; undefined when there is none. */
export function findUnstorable(value: unknown): string | undefined {
  if (typeof value === 'string') return isPlainText(value) ? undefined : ''
  if (typeof value !== 'object' || value === null) return undefined
  // Not Object.entries: for millions of members it takes many seconds.
  for (const key of Array.isArray(value) ? value.keys() : Object.keys(value)) {
    const found = findUnstorable(key) ?? findUnstorable((value as Record<string | number, unknown>)[key])
    if (found !== undefined) return pointerTo([key]) + found
  }
  return undefined
}

function validationProblem({ validation = [], validationContext = 'body' }: FastifyError): ProblemBody {
  const part = partOf[validationContext] ?? 'body'
  const errors = issuesOf(validation).map((issue) => errorOf(part, issue))
  const first = errors[0]
  return {
    status: 400,
    detail: first ? `${first.pointer || `the ${part}`} ${first.detail}` : 'the request is not valid',
    errors,
  }
}
