import { type Night, nightsText, outcomeNames } from './nights.ts'

/** A bar for each day; one without a run that was due stays empty. */
export function NightsStrip({ nights }: { nights: readonly Night[] }) {
  const width = 100 / nights.length
  const text = nightsText(nights)
  return (
    <div class="nights">
      <svg class="bar" data-kind="spans" role="img" aria-label={text}>
        {nights.map(({ day, run }, index) => (
          <rect
            key={day}
            class="night"
            data-outcome={run?.outcome}
            x={`${index * width}%`}
            width={`${width}%`}
            height="100%"
          >
            <title>{`${day}: ${run ? outcomeNames[run.outcome] : 'nothing due'}${run?.reason ? `. ${run.reason}` : ''}`}</title>
          </rect>
        ))}
      </svg>
      <span class="faint">{text}</span>
    </div>
  )
}
