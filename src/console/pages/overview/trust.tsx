import type { Static } from 'typebox'
import type { Vantage as VantageSchema } from '../../../api/routes/vantages/schemas.ts'
import { useResource } from '../../api/resource.ts'
import { KeyValues } from '../../parts/key-values.tsx'
import { Link } from '../../parts/link.tsx'
import { Block } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { at } from '../../url/location.ts'
import type { Report } from './reports.ts'

type Vantage = Static<typeof VantageSchema>

/** Whether the numbers can be trusted: who probes, which runs are missing, what is old. */
export function Trust({ report }: { report: Report | undefined }) {
  const vantages = useResource<{ items: Vantage[] }>(at.value ? undefined : '/v1/vantages')
  return (
    <Block title="Can this be trusted?">
      <div class="card">
        <KeyValues
          entries={[
            [
              'Vantages',
              at.value ? null : (
                <ResourceView key="vantages" of={vantages}>
                  {({ items }) => <Vantages items={items} />}
                </ResourceView>
              ),
            ],
            ['Runs that were missed', report && <MissedRuns key="runs" report={report} />],
            [
              'What is not known',
              <Link key="unknown" to="/unknown">
                By cause, with the next step for each
              </Link>,
            ],
          ]}
        />
      </div>
    </Block>
  )
}

function Vantages({ items }: { items: readonly Vantage[] }) {
  const absent = items.filter((vantage) => vantage.absent).map(({ name }) => name)
  const there = items.length - absent.length
  return (
    <Link to="/vantages">
      {there} of {items.length} present{absent.length > 0 && `, without ${absent.join(', ')}`}
    </Link>
  )
}

function MissedRuns({ report: { missedRunsTotal, missedRuns } }: { report: Report }) {
  const schedules = [...new Set(missedRuns.map(({ schedule }) => schedule))]
  if (missedRunsTotal === 0) return <>None in the 30 days before</>
  return (
    <Link to="/schedules">
      {missedRunsTotal} in the 30 days before, of {schedules.join(', ')}
    </Link>
  )
}
