import { useMemo } from 'preact/hooks'
import { at } from '../url/location.ts'

const minuteMs = 60_000

/** The time that the page shows: `at`, or the minute in which it was opened, so that its requests stay the same. */
export function useNow(): Date {
  const shown = at.value
  return useMemo(() => new Date(shown ?? Math.floor(Date.now() / minuteMs) * minuteMs), [shown])
}

/** The end of a period up to the time that the page shows: what happened within the minute of `useNow` belongs to it. */
export function useEnd(): Date {
  const now = useNow()
  const isPast = at.value !== undefined
  return useMemo(() => (isPast ? now : new Date(now.getTime() + minuteMs)), [now, isPast])
}
