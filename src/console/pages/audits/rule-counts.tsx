import { useEffect } from 'preact/hooks'
import type { Static } from 'typebox'
import type { AuditSummary } from '../../../api/routes/audits/summary.ts'
import { useResource } from '../../api/resource.ts'
import { DataTable } from '../../parts/lists/data-table.tsx'
import { Block } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { CountsBar, countsText } from '../../parts/results/marks.tsx'
import { uri } from '../../url/parameters.ts'
import { vantageText } from '../findings/current-finding.ts'

type Row = Static<typeof AuditSummary>['items'][number]

const shown = ({ counts }: Row) => ({ ...counts, fail: counts.fail - counts.waived })

/** The results of an audit by rule and vantage, while it runs too. */
export function RuleCounts({ id, done }: { id: string; done: number }) {
  const summary = useResource<{ items: Row[] }>(`${uri`/v1/audits/${id}`}/summary`)
  useEffect(() => {
    if (done > 0) summary.reload()
  }, [done])
  if (summary.value?.items.length === 0) return null
  return (
    <Block title="By rule">
      <ResourceView of={summary}>
        {({ items }) => (
          <DataTable
            caption="Results by rule and vantage"
            rows={items}
            rowKey={({ rule, vantage }) => `${rule} ${vantage}`}
            columns={[
              { head: 'Rule', cell: ({ title }) => title },
              { head: 'Seen from', cell: ({ vantage }) => vantageText({ vantage }) },
              { head: 'Severity', cell: ({ severity }) => severity },
              { head: 'Share', cell: (row) => <CountsBar counts={shown(row)} /> },
              { head: 'Results', cell: (row) => countsText(shown(row)) },
            ]}
          />
        )}
      </ResourceView>
    </Block>
  )
}
