import { type Static, Type } from 'typebox'
import { RefusedError } from '../../domain/errors.ts'
import { countPoints, maxPoints, pointsOf, readStep, stepPattern } from '../../domain/history/points.ts'
import type { Period } from '../../store/query/period.ts'
import { TimeInput } from '../openapi/schemas.ts'

/** The query of a listing that can be limited to a period. */
export const PeriodQuery = {
  from: Type.Optional(TimeInput('Start of the period; default: no limit', '2026-11-01T00:00:00Z')),
  to: Type.Optional(
    TimeInput('End of the period, which does not belong to it; default: no limit', '2026-12-01T00:00:00Z', 'end'),
  ),
}

/** The period of a query. Throws RefusedError where it ends before it starts. */
export function readPeriod({ from, to }: Static<Type.TObject<typeof PeriodQuery>>): Period {
  const period = {
    ...(from === undefined ? {} : { from: new Date(from) }),
    ...(to === undefined ? {} : { to: new Date(to) }),
  }
  checkOrder(period)
  return period
}

function checkOrder({ from, to }: Period): void {
  if (from && to && from > to) throw refuse('/from', 'must not be after `to`')
}

/** The query of a report about a row of points in time. */
export const StepQuery = {
  from: Type.Optional(TimeInput('First point in time; default: 90 days before `to`', '2026-08-24T12:00:00Z')),
  to: Type.Optional(TimeInput('Last point in time; default: now', '2026-11-22T12:00:00Z', 'end')),
  step: Type.String({
    pattern: stepPattern,
    maxLength: 8,
    default: 'P1D',
    description: `Time between two points, as an ISO 8601 duration in days of 24 hours, hours or minutes. At most ${maxPoints} points`,
    examples: ['P1D'],
  }),
}

const defaultMs = 90 * 86_400_000

/** The points of a query until now. Throws RefusedError for a period that ends before it starts, and for too many points. */
export function readPoints({ from, to, step }: Static<Type.TObject<typeof StepQuery>>, now: Date): Date[] {
  const end = to === undefined ? now : new Date(to)
  const start = from === undefined ? new Date(end.getTime() - defaultMs) : new Date(from)
  const period = { from: start, to: end, step: readStep(step) }
  checkOrder(period)
  if (countPoints(period) > maxPoints) {
    const days = Math.ceil((end.getTime() - start.getTime()) / (maxPoints - 1) / 86_400_000)
    throw refuse('/step', `must be longer: the period would have more than ${maxPoints} points; P${days}D is enough`)
  }
  return pointsOf(period, now)
}

const refuse = (pointer: string, message: string) => new RefusedError([{ pointer, message }], 'query')
