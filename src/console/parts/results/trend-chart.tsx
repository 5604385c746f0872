import { formatTime } from '../time.tsx'
import { countsText, type ShownCounts } from './marks.tsx'
import { resultNames, type ShownResult } from './results.ts'

export interface TrendPoint {
  at: string
  counts: ShownCounts
}

/** What does not pass, from the bottom of a column up. */
const layers: readonly ShownResult[] = ['fail', 'error', 'unknown', 'waived', 'notchecked']

/** A column for each point with what did not pass; what passed is its label. Marks are policy versions. */
export function TrendChart({
  points,
  marks,
}: {
  points: readonly TrendPoint[]
  marks: readonly { at: string; label: string }[]
}) {
  const heights = points.map(({ counts }) => layers.reduce((sum, layer) => sum + (counts[layer] ?? 0), 0))
  const highest = Math.max(1, ...heights)
  const [first, last] = [points[0], points.at(-1)]
  if (!first || !last) return null
  const start = Date.parse(first.at)
  const length = Date.parse(last.at) - start || 1
  return (
    <figure class="trend">
      <svg
        class="trend-chart"
        role="img"
        aria-label={`Not passing: ${countsText(first.counts)} at first; ${countsText(last.counts)} at last`}
      >
        {points.map((point, index) => (
          <Column key={point.at} point={point} index={index} count={points.length} highest={highest} />
        ))}
        {marks.map(({ at, label }) => (
          <line
            key={at + label}
            class="trend-mark"
            x1={`${((Date.parse(at) - start) / length) * 100}%`}
            x2={`${((Date.parse(at) - start) / length) * 100}%`}
            y1="0"
            y2="100%"
          >
            <title>{`${label}, ${formatTime(at)}`}</title>
          </line>
        ))}
      </svg>
      <figcaption>
        <span>{formatTime(first.at)}</span>
        <span class="trend-legend">
          {layers.map((layer) => (
            <span key={layer}>
              <svg class="swatch" aria-hidden="true">
                <rect class="mark" data-result={layer} width="100%" height="100%" />
              </svg>
              {resultNames[layer]}
            </span>
          ))}
          <span>highest column: {highest.toLocaleString('en')}</span>
        </span>
        <span>{formatTime(last.at)}</span>
      </figcaption>
    </figure>
  )
}

function Column({
  point,
  index,
  count,
  highest,
}: {
  point: TrendPoint
  index: number
  count: number
  highest: number
}) {
  const width = 100 / count
  let top = 100
  return (
    <g>
      <title>{`${formatTime(point.at)}: ${countsText(point.counts)}`}</title>
      <rect class="trend-column" x={`${index * width}%`} width={`${width}%`} height="100%" />
      {layers.map((layer) => {
        const size = ((point.counts[layer] ?? 0) / highest) * 100
        if (size === 0) return null
        top -= size
        return (
          <rect
            key={layer}
            class="mark"
            data-result={layer}
            x={`${index * width}%`}
            width={`${width}%`}
            y={`${top}%`}
            height={`${size}%`}
          />
        )
      })}
    </g>
  )
}
