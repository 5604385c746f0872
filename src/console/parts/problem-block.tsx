import { useEffect, useState } from 'preact/hooks'
import type { ProblemError } from '../api/problem.ts'

/** A failed request: what went wrong, the id for the log of the service, and Retry. */
export function ProblemBlock({ problem, onRetry }: { problem: ProblemError; onRetry?: () => void }) {
  const { title, detail, errors = [], requestId } = problem.problem
  return (
    <div class="problem" role="alert">
      <p class="problem-title">{title}</p>
      {detail && <p>{detail}</p>}
      {errors.length > 0 && (
        <ul>
          {errors.map((error) => (
            <li key={error.pointer}>
              <code>{error.pointer}</code> {error.detail}
            </li>
          ))}
        </ul>
      )}
      {requestId && (
        <p class="faint">
          Request <code>{requestId}</code>
        </p>
      )}
      <div class="actions">
        {onRetry && (
          <button type="button" onClick={onRetry}>
            Retry
          </button>
        )}
        {problem.retryAfterSeconds !== undefined && <Countdown seconds={problem.retryAfterSeconds} />}
      </div>
    </div>
  )
}

function Countdown({ seconds }: { seconds: number }) {
  const [left, setLeft] = useState(seconds)
  useEffect(() => {
    const timer = setInterval(() => setLeft((before) => Math.max(0, before - 1)), 1000)
    return () => clearInterval(timer)
  }, [])
  return <span aria-live="off">Tries again in {left} s</span>
}
