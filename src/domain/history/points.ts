/** The largest number of points in time of one report. */
export const maxPoints = 400

export const stepPattern = '^P([1-9][0-9]{0,3}D|T[1-9][0-9]{0,4}[HM])$'

const unitMs = { M: 60_000, H: 3_600_000, D: 86_400_000 }

/** Milliseconds of a step, an ISO 8601 duration in days of 24 hours, hours or minutes: `P1D`, `PT6H`. */
export function readStep(step: string): number {
  const [, count, unit] = /^PT?(\d+)([DHM])$/.exec(step) ?? []
  return Number(count) * (unitMs[unit as keyof typeof unitMs] ?? Number.NaN)
}

interface Period {
  from: Date
  to: Date
  /** Milliseconds. */
  step: number
}

/** How many points a period has: its start and those that follow in steps, the end included. */
export const countPoints = ({ from, to, step }: Period): number =>
  Math.floor((to.getTime() - from.getTime()) / step) + 1

/** The points of a period that have come by `now`: of a later one nothing is known. */
export function pointsOf({ from, to, step }: Period, now: Date): Date[] {
  const length = Math.max(0, countPoints({ from, to: to < now ? to : now, step }))
  return Array.from({ length }, (_, i) => new Date(from.getTime() + i * step))
}
