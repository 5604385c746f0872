import { glyphs } from './glyphs.ts'
import { resultNames, type ShownResult } from './results.ts'

/** The sign of a result; `label` where no word stands beside it. */
export function Glyph({ result, label }: { result: ShownResult; label?: string }) {
  return label ? (
    <svg class="glyph" data-result={result} viewBox="0 0 16 16" role="img" aria-label={label}>
      <path d={glyphs[result]} />
    </svg>
  ) : (
    <svg class="glyph" data-result={result} viewBox="0 0 16 16" aria-hidden="true">
      <path d={glyphs[result]} />
    </svg>
  )
}

/** A result as a chip: sign, word and colour. `text` replaces the word, for counts such as "3 fail". */
export function Verdict({ result, text }: { result: ShownResult; text?: string }) {
  return (
    <span class="verdict" data-result={result}>
      <Glyph result={result} />
      {text ?? resultNames[result]}
    </span>
  )
}

/** The verdict of a whole audit; null has none yet. */
export function AuditVerdict({ verdict, status }: { verdict: string | null; status: string }) {
  if (verdict === 'pass' || verdict === 'fail') return <Verdict result={verdict} />
  if (verdict === 'inconclusive') return <Verdict result="unknown" text="Inconclusive" />
  return <span class="state">{status === 'queued' ? 'Waiting' : status === 'running' ? 'Running' : 'No verdict'}</span>
}

/** The state of a port, in the words of the API. */
export function State({ state }: { state: string }) {
  return <span class="state">{state}</span>
}
