import { useEffect } from 'preact/hooks'
import type { Static } from 'typebox'
import type { CurrentFindings } from '../../../api/routes/findings/schemas.ts'
import type { ComplianceReport } from '../../../api/routes/reports/schemas/compliance.ts'
import { newResults, showNewResults } from '../../api/live.ts'
import { refreshAll, useResource } from '../../api/resource.ts'
import { Link } from '../../parts/link.tsx'
import { Page } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { coverageText, percent, type Standing, sumStandings } from '../../parts/results/score.tsx'
import { Glyph } from '../../parts/results/verdict.tsx'
import { Time } from '../../parts/time.tsx'
import { apiPath, uri } from '../../url/parameters.ts'
import './wall.css'

type Report = Static<typeof ComplianceReport>
type Findings = Static<typeof CurrentFindings>

const shownFailures = 6
/** Also without a stream the wall is not older than this. */
const refreshMs = 60_000

/** The state of the estate for a screen on a wall: readable from three metres, calm while nothing fails. */
export default function Wall() {
  const report = useResource<Report>(apiPath('/v1/reports/compliance', { by: 'policy' }))
  const failing = useResource<Findings>(
    apiPath('/v1/findings', { result: 'fail', waived: false, order: 'worst', limit: shownFailures }),
  )
  const news = newResults.value
  useEffect(() => {
    if (news > 0) showNewResults({ isBackground: true })
  }, [news])
  useEffect(() => {
    const timer = setInterval(() => refreshAll({ isBackground: true }), refreshMs)
    return () => clearInterval(timer)
  }, [])
  return (
    <div class="wall">
      <Page title="Wall" actions={<Link to="/">Leave the wall</Link>}>
        <ResourceView of={report}>
          {({ items }) => (
            <>
              <Headline all={sumStandings(items)} />
              <ul class="wall-policies">
                {items.map((item) => (
                  <li key={item.policy} class="card" data-fails={failuresOf(item) > 0}>
                    <h2>{item.policy}</h2>
                    <p class="wall-score">{item.score === null ? 'nothing checked' : percent(item.score)}</p>
                    <p>{coverageText(item)}</p>
                    <p class="faint">
                      {item.newestObservation ? (
                        <>
                          last confirmed <Time value={item.newestObservation} />
                        </>
                      ) : (
                        'never confirmed'
                      )}
                    </p>
                  </li>
                ))}
              </ul>
            </>
          )}
        </ResourceView>
        <ResourceView of={failing}>{({ items }) => <Failures items={items} />}</ResourceView>
      </Page>
    </div>
  )
}

const failuresOf = ({ counts, waived }: Standing) => counts.fail - waived
const unknownOf = ({ counts }: Standing) => counts.unknown + counts.error + counts.notchecked

function Headline({ all }: { all: Standing }) {
  const failures = failuresOf(all)
  const unknown = unknownOf(all)
  const result = failures > 0 ? 'fail' : unknown > 0 || all.score === null ? 'unknown' : 'pass'
  const text =
    failures > 0
      ? `${failures.toLocaleString('en')} ${failures === 1 ? 'check fails' : 'checks fail'}`
      : 'Nothing fails'
  return (
    <p class="wall-headline" data-result={result}>
      <Glyph result={result} />
      <span>
        {all.score === null ? 'Nothing was checked' : text}
        {unknown > 0 && <small>{unknown.toLocaleString('en')} not known</small>}
      </span>
    </p>
  )
}

function Failures({ items }: { items: Findings['items'] }) {
  if (items.length === 0) return null
  return (
    <ul class="wall-failures" aria-label="The worst failures">
      {items.map(({ fingerprint, target, rule, state }) => (
        <li key={fingerprint}>
          <Glyph result="fail" />
          <Link to={uri`/findings/${fingerprint}`}>
            {target} · {rule}
          </Link>{' '}
          <span class="faint">{state}</span>
        </li>
      ))}
    </ul>
  )
}
