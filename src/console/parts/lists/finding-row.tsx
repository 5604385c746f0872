import { uri } from '../../url/parameters.ts'
import { Link } from '../link.tsx'
import type { ShownResult } from '../results/results.ts'
import { Verdict } from '../results/verdict.tsx'
import { Time } from '../time.tsx'

/** One finding as a line: result, target, rule, from where, why, since when. It leads to the finding. */
export function FindingRow({
  fingerprint,
  result,
  target,
  rule,
  vantage,
  message,
  since,
}: {
  fingerprint: string
  result: ShownResult
  target: string
  rule: string
  vantage: string
  message: string
  since?: string | null
}) {
  return (
    <li class="finding-row">
      <Verdict result={result} />
      <Link to={uri`/findings/${fingerprint}`}>
        {target} · {rule}
      </Link>
      <span class="faint">from {vantage}</span>
      <span class="finding-reason">{message}</span>
      {since && (
        <span class="faint">
          since <Time value={since} />
        </span>
      )}
    </li>
  )
}
