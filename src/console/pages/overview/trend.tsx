import type { Static } from 'typebox'
import type { TrendReport as TrendSchema } from '../../../api/routes/reports/schemas/trend.ts'
import { useResource } from '../../api/resource.ts'
import { EmptyState } from '../../parts/empty-state.tsx'
import { Block } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import type { ShownCounts } from '../../parts/results/marks.tsx'
import { TrendChart } from '../../parts/results/trend-chart.tsx'
import { apiPath } from '../../url/parameters.ts'

type Trend = Static<typeof TrendSchema>

const days = 90
const dayMs = 24 * 60 * 60 * 1000

/** What did not pass in each of the last 90 days, all policies together. */
export function Trend({ now }: { now: Date }) {
  const from = new Date(now.getTime() - days * dayMs).toISOString()
  const trend = useResource<Trend>(apiPath('/v1/reports/trend', { from, to: now.toISOString(), step: 'P1D' }))
  return (
    <Block title={`The last ${days} days`}>
      <ResourceView of={trend}>
        {({ at, items, versions }) =>
          items.length === 0 ? (
            <EmptyState title="There is no history yet." />
          ) : (
            <div class="card">
              <TrendChart
                points={at.map((time, index) => ({ at: time, counts: countsAt(items, index) }))}
                marks={versions.map(markOf)}
              />
            </div>
          )
        }
      </ResourceView>
    </Block>
  )
}

const markOf = ({ policy, version, createdAt }: Trend['versions'][number]) => ({
  at: createdAt,
  label: `${policy} version ${version}`,
})

/** The counts of all groups at one point. */
function countsAt(items: Trend['items'], index: number): ShownCounts {
  const sum = (name: 'pass' | 'fail' | 'unknown' | 'error' | 'notchecked' | 'waived') =>
    items.reduce((total, item) => total + (item[name][index] ?? 0), 0)
  const waived = sum('waived')
  return {
    fail: sum('fail') - waived,
    error: sum('error'),
    unknown: sum('unknown'),
    waived,
    pass: sum('pass'),
    notchecked: sum('notchecked'),
  }
}
