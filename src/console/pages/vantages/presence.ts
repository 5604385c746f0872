import type { Static } from 'typebox'
import type { Absence as AbsenceSchema } from '../../../api/routes/vantages/schemas.ts'

export type Absence = Static<typeof AbsenceSchema>

/** Shown of the presence of a vantage, in days of 24 hours. */
export const presenceDays = 7

/** A period as times of the API, RFC 3339. */
export interface Shown {
  from: string
  to: string
}

/** `unknown`: the vantage was absent. */
interface PresenceSpan extends Shown {
  result: 'pass' | 'unknown'
}

/** The absences of one vantage within a period: as spans that fill it, and their length in milliseconds. */
export function presenceOf(
  absences: readonly Absence[],
  { from, to }: Shown,
): { spans: PresenceSpan[]; absentMs: number } {
  const spans: PresenceSpan[] = []
  let absentMs = 0
  let presentFrom = from
  for (const { from: start, to: end } of absences.toSorted((a, b) => Date.parse(a.from) - Date.parse(b.from))) {
    const first = Date.parse(start) < Date.parse(from) ? from : start
    const last = end === null || Date.parse(end) > Date.parse(to) ? to : end
    if (first !== presentFrom) spans.push({ result: 'pass', from: presentFrom, to: first })
    spans.push({ result: 'unknown', from: first, to: last })
    absentMs += Date.parse(last) - Date.parse(first)
    presentFrom = last
  }
  if (presentFrom !== to) spans.push({ result: 'pass', from: presentFrom, to })
  return { spans, absentMs }
}
