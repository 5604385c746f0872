import type { ComponentChildren } from 'preact'
import { formatTime } from '../time.tsx'
import { Mark } from './marks.tsx'
import { resultNames, type ShownResult } from './results.ts'

export interface Span {
  result: ShownResult
  from: string
  /** Null lasts. */
  to: string | null
}

/** The results of one series over time; what lies outside of the range is cut. */
export function SpanBar({
  label,
  from,
  to,
  spans,
  children,
}: {
  label: string
  from: string
  to: string
  spans: readonly Span[]
  /** More of the picture, above the spans. */
  children?: ComponentChildren
}) {
  const start = Date.parse(from)
  const length = Date.parse(to) - start
  const percentAt = (time: string) => Math.min(100, Math.max(0, ((Date.parse(time) - start) / length) * 100))
  const last = spans.at(-1)
  return (
    <svg
      class="bar"
      data-kind="spans"
      role="img"
      aria-label={`${label}: ${spans.length} spans${last ? `, now ${resultNames[last.result].toLowerCase()}` : ''}`}
    >
      {spans.map((span) => {
        const begin = percentAt(span.from)
        const title = `${resultNames[span.result]} from ${formatTime(span.from)}${span.to ? ` to ${formatTime(span.to)}` : ''}`
        return (
          <Mark
            key={span.from}
            result={span.result}
            from={begin}
            size={percentAt(span.to ?? to) - begin}
            title={title}
          />
        )
      })}
      {children}
    </svg>
  )
}
