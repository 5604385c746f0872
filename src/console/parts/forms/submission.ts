import { useRef, useState } from 'preact/hooks'
import { asProblemError } from '../../api/client.ts'
import type { ProblemError } from '../../api/problem.ts'

export interface Submission {
  /** Why the service refused the newest attempt. */
  problem: ProblemError | undefined
  isBusy: boolean
  /** Runs `work`; what it throws becomes the problem. True if it throws nothing. */
  run(work: () => Promise<void>): Promise<boolean>
  /** The header with the Idempotency-Key of a content: the same content sent again creates nothing twice. */
  keyFor(content: unknown): { 'idempotency-key': string }
}

/** What a form, or a button that changes something, sends. */
export function useSubmission(): Submission {
  const [state, setState] = useState<Pick<Submission, 'problem' | 'isBusy'>>({ problem: undefined, isBusy: false })
  const last = useRef({ content: '', key: '' })
  return {
    ...state,
    async run(work) {
      setState({ problem: undefined, isBusy: true })
      try {
        await work()
        setState({ problem: undefined, isBusy: false })
        return true
      } catch (error) {
        setState({ problem: asProblemError(error), isBusy: false })
        return false
      }
    },
    keyFor(value) {
      const content = JSON.stringify(value)
      if (last.current.content !== content) last.current = { content, key: crypto.randomUUID() }
      return { 'idempotency-key': last.current.key }
    },
  }
}
