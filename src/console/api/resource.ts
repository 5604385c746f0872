import { signal, useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { asProblemError, get, isAbort } from './client.ts'
import type { ProblemError } from './problem.ts'

/** A page that does so by itself does not keep the session alive. */
const refreshed = signal({ round: 0, isBackground: false })

/** Loads every resource of the page again. */
export function refreshAll({ isBackground = false } = {}): void {
  refreshed.value = { round: refreshed.value.round + 1, isBackground }
}

export interface Resource<T> {
  /** What is known, also while newer content loads and after a failure. */
  value: T | undefined
  /** Why the newest request failed. */
  problem: ProblemError | undefined
  isLoading: boolean
  reload(): void
}

/**
 * Loads the JSON of a path, again when the path changes; undefined loads nothing. Known content stays until newer content is there.
 * A page that is left aborts its requests. After 429 and 503 it tries again when `Retry-After` has passed.
 */
export function useResource<T>(path: string | undefined): Resource<T> {
  const state = useSignal<Omit<Resource<T>, 'reload'>>({ value: undefined, problem: undefined, isLoading: true })
  const round = useSignal(0)
  const reload = useRef(() => {
    round.value++
  })
  useEffect(() => {
    if (path === undefined) return
    const leaving = new AbortController()
    let again: ReturnType<typeof setTimeout> | undefined
    state.value = { ...state.peek(), isLoading: true }
    get<T>(path, { signal: leaving.signal, isBackground: refreshed.peek().isBackground })
      .then((value) => {
        state.value = { value, problem: undefined, isLoading: false }
      })
      .catch((error: unknown) => {
        if (isAbort(error)) return
        const problem = asProblemError(error)
        state.value = { ...state.peek(), problem, isLoading: false }
        if (problem.retryAfterSeconds !== undefined)
          again = setTimeout(reload.current, problem.retryAfterSeconds * 1000)
      })
    return () => {
      leaving.abort()
      clearTimeout(again)
    }
  }, [path, round.value, refreshed.value.round])
  return { ...state.value, reload: reload.current }
}
