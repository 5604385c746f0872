import type { Static } from 'typebox'
import type { ComplianceReport as ReportSchema } from '../../../api/routes/reports/schemas/compliance.ts'
import { useResource } from '../../api/resource.ts'
import { EmptyState } from '../../parts/empty-state.tsx'
import { DataTable } from '../../parts/lists/data-table.tsx'
import { Block, Page } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { Score } from '../../parts/results/score.tsx'
import { Time } from '../../parts/time.tsx'
import { at } from '../../url/location.ts'
import { apiPath } from '../../url/parameters.ts'

type Report = Static<typeof ReportSchema>

/** Are we compliant, what changed, and can it be trusted? */
export default function Overview() {
  const report = useResource<Report>(apiPath('/v1/reports/compliance', { at: at.value }))
  return (
    <Page title="Overview">
      <Block title="Compliance">
        <ResourceView of={report}>
          {({ items }) =>
            items.length === 0 ? (
              <EmptyState title="Nothing has been checked yet.">
                An audit of a target gives the first result.
              </EmptyState>
            ) : (
              <DataTable
                caption="Compliance by policy and rule"
                rows={items}
                rowKey={({ policy, group }) => `${policy}/${group}`}
                columns={[
                  { head: 'Policy', cell: ({ policy }) => policy },
                  { head: 'Rule', cell: ({ group }) => group },
                  { head: 'Score', cell: (item) => <Score {...item} /> },
                  {
                    head: 'Last confirmed',
                    cell: ({ newestObservation }) => newestObservation && <Time value={newestObservation} />,
                  },
                ]}
              />
            )
          }
        </ResourceView>
      </Block>
    </Page>
  )
}
