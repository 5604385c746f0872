import type { Static } from 'typebox'
import type { LedgerHead as LedgerHeadSchema } from '../../../api/routes/ledger/schemas.ts'
import type { UnknownReport } from '../../../api/routes/reports/schemas/unknown.ts'
import type { Vantage as VantageSchema } from '../../../api/routes/vantages/schemas.ts'
import { useResource } from '../../api/resource.ts'
import { KeyValues } from '../../parts/key-values.tsx'
import { Link } from '../../parts/link.tsx'
import { Block } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { Time } from '../../parts/time.tsx'
import { at } from '../../url/location.ts'
import { apiPath } from '../../url/parameters.ts'
import type { Report } from './reports.ts'

type Vantage = Static<typeof VantageSchema>
type LedgerHead = Static<typeof LedgerHeadSchema>

/** Whether the numbers can be trusted: who probes, which runs are missing, what is old, and the ledger. */
export function Trust({ report }: { report: Report | undefined }) {
  const vantages = useResource<{ items: Vantage[] }>(at.value ? undefined : '/v1/vantages')
  // After the report, so that they delay nothing that is shown first.
  const unknown = useResource<UnknownReport>(report && apiPath('/v1/reports/unknown', { at: at.value }))
  const head = useResource<LedgerHead>(report && !at.value ? '/v1/ledger/head' : undefined)
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
            ['Targets', unknown.value && <OldTargets key="targets" report={unknown.value} />],
            ['Ledger', head.value && <Ledger key="ledger" head={head.value} />],
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

/** Targets without an observation, and those whose last one is old. */
function OldTargets({ report: { causes } }: { report: UnknownReport }) {
  const found = [
    ['never-audited', 'never audited'],
    ['stale', 'not observed lately'],
  ].flatMap(([cause, words]) => {
    const targets = causes.find((one) => one.cause === cause)?.targets ?? 0
    return targets > 0 ? `${targets.toLocaleString('en')} ${words}` : []
  })
  return found.length > 0 ? <Link to="/unknown">{found.join(', ')}</Link> : <>All have been observed lately</>
}

function Ledger({ head: { seq, at: writtenAt } }: { head: LedgerHead }) {
  return (
    <>
      Newest of {seq.toLocaleString('en')} entries from <Time value={writtenAt} />:{' '}
      <Link to="/ledger">verify them</Link>
    </>
  )
}
