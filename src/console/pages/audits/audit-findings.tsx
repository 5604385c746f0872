import { useEffect } from 'preact/hooks'
import type { Static } from 'typebox'
import type { Finding as FindingSchema } from '../../../api/routes/audits/findings.ts'
import { useResource } from '../../api/resource.ts'
import { Choice } from '../../parts/controls/facets.tsx'
import { EmptyState } from '../../parts/empty-state.tsx'
import { Link } from '../../parts/link.tsx'
import { DataTable } from '../../parts/lists/data-table.tsx'
import { Listing } from '../../parts/lists/listing.tsx'
import { Block } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { resultNames, shownResult } from '../../parts/results/results.ts'
import { State, Verdict } from '../../parts/results/verdict.tsx'
import { query } from '../../url/location.ts'
import { apiPath, uri } from '../../url/parameters.ts'
import { vantageText } from '../findings/current-finding.ts'

type Finding = Static<typeof FindingSchema>

const results = (['fail', 'unknown', 'error', 'pass', 'notchecked', 'notapplicable'] as const).map((value) => ({
  value,
  label: resultNames[value],
}))

const table = {
  rowKey: ({ fingerprint }: Finding) => fingerprint,
  columns: [
    { head: 'Result', cell: ({ result, waiver }: Finding) => <Verdict result={shownResult(result, waiver)} /> },
    { head: 'Target', cell: ({ target }: Finding) => <Link to={uri`/targets/${target}`}>{target}</Link> },
    {
      head: 'Rule',
      cell: ({ fingerprint, rule }: Finding) => <Link to={uri`/findings/${fingerprint}`}>{rule}</Link>,
    },
    { head: 'Seen from', cell: ({ vantage }: Finding) => vantageText({ vantage }) },
    { head: 'State', cell: ({ state }: Finding) => <State state={state} /> },
    { head: 'Why', cell: ({ reason }: Finding) => reason.message },
  ],
}

/** The findings of an audit: its failures as they come, all of them after its end. */
export function AuditFindings({ id, done, hasEnded }: { id: string; done: number; hasEnded: boolean }) {
  return hasEnded ? <AllFindings id={id} /> : <NewFailures id={id} done={done} />
}

function AllFindings({ id }: { id: string }) {
  const result = query.value.get('result')
  return (
    <Block title="Findings">
      <div class="filters">
        <Choice name="result" title="Result" values={results} />
      </div>
      <Listing<Finding>
        path={`${uri`/v1/audits/${id}`}/findings`}
        parameters={{ result }}
        caption="Findings by target"
        empty={<EmptyState title={result ? 'No finding has this result.' : 'There are no findings.'} />}
        {...table}
      />
    </Block>
  )
}

const shownFailures = 20

function NewFailures({ id, done }: { id: string; done: number }) {
  const failures = useResource<{ items: Finding[] }>(
    apiPath(`${uri`/v1/audits/${id}`}/findings`, { result: 'fail', limit: shownFailures }),
  )
  useEffect(() => failures.reload(), [done])
  return (
    <Block title="Failures so far">
      <ResourceView of={failures}>
        {({ items }) =>
          items.length === 0 ? (
            <EmptyState title="No failure so far." />
          ) : (
            <DataTable caption={`The first ${shownFailures} failures`} rows={items} {...table} />
          )
        }
      </ResourceView>
    </Block>
  )
}
