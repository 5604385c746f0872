/** One thing that is wrong with a request; `pointer` is a JSON Pointer into its body. */
export interface ValidationIssue {
  pointer: string
  message: string
}

/** The request is understood and cannot be carried out as it is; nothing was changed. */
export class RefusedError extends Error {
  readonly issues: readonly ValidationIssue[]
  /** Which part of the request the pointers lead into. */
  readonly part: 'body' | 'query'

  constructor(issues: readonly ValidationIssue[], part: 'body' | 'query' = 'body') {
    super(issues[0]?.message ?? 'refused')
    this.issues = issues
    this.part = part
  }
}

/** What the request speaks of is not there. */
export class NotFoundError extends Error {}

/** Whoever asks may not do this, though another may. */
export class ForbiddenError extends Error {}

/** What the request speaks of is in a state that does not allow it. */
export class ConflictError extends Error {}

/** The service cannot do its work for now; the message names the part that does not work. */
export class NotReadyError extends Error {}

/** The caller has too much under way; later the same request may be taken. Nothing was changed. */
export class QuotaError extends Error {
  readonly retryAfterSeconds: number

  constructor(message: string, retryAfterSeconds: number) {
    super(message)
    this.retryAfterSeconds = retryAfterSeconds
  }
}
