import { useResource } from '../../api/resource.ts'
import { useEnd, useNow } from '../../parts/now.ts'
import { Page } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { coverageText, sumStandings } from '../../parts/results/score.tsx'
import { at } from '../../url/location.ts'
import { apiPath } from '../../url/parameters.ts'
import { Changes } from './changes.tsx'
import { Compliance } from './compliance.tsx'
import { FirstSteps, StepsLeft } from './first-steps.tsx'
import type { Drift, Report } from './reports.ts'
import { Trend } from './trend.tsx'
import { Trust } from './trust.tsx'
import { Waiting } from './waiting.tsx'

const dayMs = 24 * 60 * 60 * 1000

/** Are we compliant, what changed in the last night, and can it be trusted? */
export default function Overview() {
  const now = useNow()
  const yesterday = new Date(now.getTime() - dayMs).toISOString()
  const report = useResource<Report>(apiPath('/v1/reports/compliance', { by: 'zone', at: at.value }))
  // After the first, so that it delays nothing that is shown first.
  const before = useResource<Report>(report.value && apiPath('/v1/reports/compliance', { by: 'zone', at: yesterday }))
  const drift = useResource<Drift>(
    apiPath('/v1/reports/drift', { from: yesterday, to: useEnd().toISOString(), limit: 200 }),
  )
  const isEmpty = report.value?.items.length === 0 && at.value === undefined
  return (
    <Page
      title="Overview"
      lead={report.value && drift.value && !isEmpty && <Sentence report={report.value} drift={drift.value} />}
    >
      {isEmpty ? (
        <FirstSteps />
      ) : (
        <>
          <ResourceView of={report}>{(value) => <Compliance report={value} before={before.value} />}</ResourceView>
          <Trend now={now} />
          <div class="columns">
            <ResourceView of={drift}>{(value) => <Changes drift={value} />}</ResourceView>
            <Waiting />
          </div>
          <Trust report={report.value} />
          <StepsLeft />
        </>
      )}
    </Page>
  )
}

function Sentence({ report, drift }: { report: Report; drift: Drift }) {
  const appeared = drift.items.filter((item) => item.class === 'appeared' && item.after?.result === 'fail').length
  const count = drift.summary.regressed + appeared
  const failures = count === 0 ? 'No new failure' : `${count} new ${count === 1 ? 'failure' : 'failures'}`
  return (
    <>
      <strong>{failures}</strong> in 24 hours, {drift.summary.recovered} recovered;{' '}
      {coverageText(sumStandings(report.items))}.
    </>
  )
}
