/** One invalid value in a request or a document. */
export interface ValidationIssue {
  /** JSON Pointer, RFC 6901; empty: the whole document. */
  pointer: string
  /** What would be valid, without the name of the value: `must be one of low, medium, high`. */
  message: string
  /** The line of a text document, from 1. */
  line?: number
}

/** The request is well formed but invalid; nothing was changed. */
export class RefusedError extends Error {
  readonly issues: readonly ValidationIssue[]
  /** The part of the request that the pointers refer to. */
  readonly part: 'body' | 'query'

  constructor(issues: readonly ValidationIssue[], part: 'body' | 'query' = 'body') {
    super(issues[0]?.message ?? 'refused')
    this.issues = issues
    this.part = part
  }
}

/** The resource does not exist. */
export class NotFoundError extends Error {}

/** The caller lacks the permission. */
export class ForbiddenError extends Error {}

/** The state of the resource does not allow the request. */
export class ConflictError extends Error {}

/** The row has changed since the requester read it. */
export class StaleError extends Error {}

/** Temporarily unavailable; the message names the failed dependency. */
export class NotReadyError extends Error {}

/** Quotas that operations check. */
export const operationQuotas = ['callbacks', 'checks', 'proposals', 'traces'] as const
export type OperationQuota = (typeof operationQuotas)[number]

/** A quota is exceeded; nothing changed, a retry may succeed. */
export class QuotaError extends Error {
  readonly retryAfterSeconds: number
  /** The quota, where an operation refuses: responses count it. */
  readonly quota: OperationQuota | undefined

  constructor(message: string, retryAfterSeconds: number, quota?: OperationQuota) {
    super(message)
    this.retryAfterSeconds = retryAfterSeconds
    this.quota = quota
  }
}

/** The machine, the database or a setting is not as the service needs it; the message says what to change. */
export class SetupError extends Error {}
