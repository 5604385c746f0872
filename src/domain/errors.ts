/** One thing that is wrong with a request; `pointer` is a JSON Pointer into its body. */
export interface Mistake {
  pointer: string
  message: string
}

/** The request is understood and cannot be carried out as it is; nothing was changed. */
export class RefusedError extends Error {
  readonly mistakes: readonly Mistake[]

  constructor(mistakes: readonly Mistake[]) {
    super(mistakes[0]?.message ?? 'refused')
    this.mistakes = mistakes
  }
}

/** What the request speaks of is not there. */
export class NotFoundError extends Error {}

/** What the request speaks of is in a state that does not allow it. */
export class ConflictError extends Error {}
