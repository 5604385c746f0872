import type { Severity as SeverityName } from '../../../domain/policy/policy.ts'
import { severities } from './results.ts'

/** The severity of a rule as a word with bars, so that it needs no colour. */
export function Severity({ severity }: { severity: SeverityName }) {
  const height = severities.length - severities.indexOf(severity)
  return (
    <span class="severity">
      <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
        {[1, 2, 3].map((bar) => (
          <path key={bar} class={bar > height ? 'severity-rest' : undefined} d={`M${bar * 4} 13v${-bar * 3}`} />
        ))}
      </svg>
      {severity}
    </span>
  )
}
