import type { Static } from 'typebox'
import type { Problem as ProblemSchema } from '../../api/http/problems.ts'

/** Problem details of the service, RFC 9457; `status` 0 is a service that did not respond. */
export type Problem = Partial<Static<typeof ProblemSchema>> & { status: number; title: string }

/** A response that is no success, or none at all. */
export class ProblemError extends Error {
  readonly problem: Problem
  /** What the service asks to wait before the next try. */
  readonly retryAfterSeconds: number | undefined

  constructor(problem: Problem, retryAfterSeconds?: number) {
    super(problem.detail ?? problem.title)
    this.problem = problem
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** The problem that a failed response describes. */
export async function readProblem(response: Response): Promise<ProblemError> {
  const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json')
  const body: Partial<Problem> = isProblem ? await response.json().catch(() => ({})) : {}
  const { status } = response
  const wait = Number(response.headers.get('retry-after') ?? Number.NaN)
  return new ProblemError({ title: `Error ${status}`, ...body, status }, Number.isFinite(wait) ? wait : undefined)
}

export const noResponse = (): ProblemError =>
  new ProblemError({ status: 0, title: 'No response', detail: 'The service did not respond. Is it running?' })
