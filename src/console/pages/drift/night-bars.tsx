import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { Static } from 'typebox'
import type { DriftSeries } from '../../../api/routes/reports/schemas/drift.ts'
import { Link } from '../../parts/link.tsx'
import { formatTime } from '../../parts/time.tsx'
import { hrefWith, query } from '../../url/location.ts'
import { layersOf, summaryText, totalOf } from './nights.ts'

type Night = Static<typeof DriftSeries>['items'][number]

/** A bar for each night with what changed in it; each shows its night alone. */
export function NightBars({ nights, children }: { nights: readonly Night[]; children?: ComponentChildren }) {
  const highest = Math.max(1, ...nights.map(totalOf))
  const shown = query.value.get('from')
  const list = useRef<HTMLDivElement>(null)
  useEffect(() => list.current?.scrollTo({ left: list.current.scrollWidth }), [nights]) // the newest is in sight
  return (
    <div ref={list} class="night-scroll card">
      <div>
        <ol class="night-bars" aria-label="Changes by night">
          {nights.map((night) => (
            <li key={night.from}>
              <Link
                url={hrefWith({ from: night.from, to: night.to, days: null, class: null })}
                current={night.from === shown && night.to === query.value.get('to')}
              >
                <Bar night={night} highest={highest} />
              </Link>
            </li>
          ))}
        </ol>
        {children}
      </div>
    </div>
  )
}

function Bar({ night, highest }: { night: Night; highest: number }) {
  const text = `${formatTime(night.from)} to ${formatTime(night.to)}: ${summaryText(night)}`
  let top = 100
  return (
    <svg class="night-bar" role="img" aria-label={text}>
      <title>{text}</title>
      {layersOf(night).map(({ mark, count }) => {
        const height = (count / highest) * 100
        top -= height
        return <rect key={mark} class="mark" data-result={mark} width="100%" y={`${top}%`} height={`${height}%`} />
      })}
    </svg>
  )
}

const legend = [
  ['fail', 'regressed'],
  ['unknown', 'obscured'],
  ['other', 'changed, appeared, vanished, clarified'],
  ['pass', 'recovered'],
] as const

/** What the colours of the bars mean. */
export function BarsLegend() {
  return (
    <ul class="legend" aria-label="Legend">
      {legend.map(([mark, text]) => (
        <li key={mark}>
          <svg class="swatch" aria-hidden="true">
            <rect class="mark" data-result={mark} width="100%" height="100%" />
          </svg>
          {text}
        </li>
      ))}
    </ul>
  )
}
