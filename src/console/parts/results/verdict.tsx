import { resultNames, type ShownResult } from './results.ts'

const glyphs: Readonly<Record<ShownResult, string>> = {
  pass: 'm3 8.5 3.5 3.5L13 4.5',
  fail: 'm4 4 8 8m0-8-8 8',
  waived: 'M8 4.5V8l2.5 1.5M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12Z',
  unknown: 'M5.5 6a2.5 2.5 0 1 1 3.6 2.2C8.3 8.7 8 9.200 8 10M8 12.500v.6',
  error: 'M8 3v6M8 12v.8',
  notapplicable: 'M4 8h8',
  notchecked: 'M8 12.500a4.500 4.500 0 1 0 0-9 4.500 4.500 0 0 0 0 9Z',
}

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
