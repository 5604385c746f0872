import type { Static } from 'typebox'
import type { ComplianceReport } from '../../../api/routes/reports/schemas/compliance.ts'
import { useResource } from '../../api/resource.ts'
import { DataTable } from '../../parts/lists/data-table.tsx'
import { Block } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { coverageText, percent, Score, sumStandings } from '../../parts/results/score.tsx'
import { Time } from '../../parts/time.tsx'
import { at, href } from '../../url/location.ts'
import { apiPath } from '../../url/parameters.ts'
import { Causes } from '../unknown/causes.tsx'
import type { UnknownReport } from '../unknown/report.ts'
import { Document } from './document.tsx'
import { ExceptionsInForce } from './exceptions-in-force.tsx'
import { MissedRuns } from './missed-runs.tsx'

type Report = Static<typeof ComplianceReport>
type Item = Report['items'][number]

const unknownOf = ({ counts }: Item) => counts.unknown + counts.error + counts.notchecked

/** The compliance statement. */
export default function ComplianceStatement() {
  const report = useResource<Report>(apiPath('/v1/reports/compliance', { by: 'rule', at: at.value }))
  const items = report.value?.items ?? []
  const policies = [...new Set(items.map(({ policy }) => policy))]
  return (
    <Document
      title="Compliance statement"
      at={report.value?.at}
      cover={report.value && <Cover items={items} />}
      policies={policies}
    >
      <ResourceView of={report}>
        {(loaded) => (
          <>
            <Block title="Results">
              <RuleTable caption="Each rule, with how much of it was checked" items={loaded.items} />
            </Block>
            <NotTested at={loaded.at} items={loaded.items.filter((item) => unknownOf(item) > 0)} />
            <ExceptionsInForce at={loaded.at} />
            <MissedRuns
              runs={loaded.missedRuns}
              total={loaded.missedRunsTotal}
              period="the 30 days before"
              none="No scheduled audit was missed in the 30 days before."
            />
          </>
        )}
      </ResourceView>
    </Document>
  )
}

function Cover({ items }: { items: readonly Item[] }) {
  const all = sumStandings(items)
  if (all.score === null) return <>Nothing was checked.</>
  const failures = all.counts.fail - all.waived
  const waived = all.waived > 0 ? `, ${all.waived.toLocaleString('en')} more are accepted by waivers` : ''
  return (
    <>
      {coverageText(all)}: {percent(all.score)} complies. {failures.toLocaleString('en')}{' '}
      {failures === 1 ? 'check fails' : 'checks fail'}
      {waived}.
    </>
  )
}

const RuleTable = ({ caption, items }: { caption: string; items: readonly Item[] }) => (
  <DataTable
    caption={caption}
    rows={items}
    rowKey={({ policy, group }) => `${policy}/${group}`}
    columns={[
      { head: 'Policy', cell: ({ policy }) => policy },
      { head: 'Rule', cell: ({ group }) => group },
      { head: 'Severity', cell: ({ severity }) => severity },
      { head: 'Score', cell: (item) => <Score {...item} /> },
      { head: 'Failures', isNumber: true, cell: ({ counts, waived }) => (counts.fail - waived).toLocaleString('en') },
      { head: 'Not known', isNumber: true, cell: (item) => unknownOf(item).toLocaleString('en') },
      {
        head: 'Last confirmed',
        cell: ({ newestObservation }) => (newestObservation ? <Time value={newestObservation} /> : 'never'),
      },
    ]}
  />
)

function NotTested({ at, items }: { at: string; items: readonly Item[] }) {
  const unknown = useResource<UnknownReport>(apiPath('/v1/reports/unknown', { at }))
  return (
    <Block title="What was not tested">
      {items.length === 0 ? (
        <p>Everything in scope was tested, and every result was conclusive.</p>
      ) : (
        <DataTable
          caption="Checks whose outcome is not known: they count neither as a pass nor as a failure"
          rows={items}
          rowKey={({ policy, group }) => `${policy}/${group}`}
          columns={[
            { head: 'Policy', cell: ({ policy }) => policy },
            { head: 'Rule', cell: ({ group }) => group },
            { head: 'Not checked', isNumber: true, cell: ({ counts }) => counts.notchecked.toLocaleString('en') },
            { head: 'Unknown', isNumber: true, cell: ({ counts }) => counts.unknown.toLocaleString('en') },
            { head: 'Error', isNumber: true, cell: ({ counts }) => counts.error.toLocaleString('en') },
          ]}
        />
      )}
      <ResourceView of={unknown}>{(report) => <Causes report={report} page={href('/unknown')} />}</ResourceView>
    </Block>
  )
}
