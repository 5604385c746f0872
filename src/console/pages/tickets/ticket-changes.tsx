import type { Static } from 'typebox'
import type { Finding as FindingSchema } from '../../../api/routes/audits/findings.ts'
import type { DriftReport } from '../../../api/routes/reports/schemas/drift.ts'
import { useResource } from '../../api/resource.ts'
import { EmptyState } from '../../parts/empty-state.tsx'
import { Link } from '../../parts/link.tsx'
import { DataTable } from '../../parts/lists/data-table.tsx'
import { Block } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { State, Verdict } from '../../parts/results/verdict.tsx'
import { Time } from '../../parts/time.tsx'
import { apiPath, uri } from '../../url/parameters.ts'
import { vantageText } from '../findings/current-finding.ts'
import type { Audit } from './closing.ts'

type Drift = Static<typeof DriftReport>
type Outcome = Drift['items'][number]['before']

const mostItems = 1000

/** What differs between the time before the first audit of a ticket and its newest, for what that audit checked. Newest first. */
export function TicketChanges({ audits }: { audits: readonly Audit[] }) {
  const newest = audits.find(({ finishedAt }) => finishedAt !== null)
  const first = audits.at(-1)
  const checked = useResource<{ items: Static<typeof FindingSchema>[]; next: string | null }>(
    newest && apiPath(uri`/v1/audits/${newest.id}/findings`, { limit: mostItems }),
  )
  const drift = useResource<Drift>(
    newest &&
      first &&
      apiPath('/v1/reports/drift', {
        from: first.createdAt,
        to: `audit:${newest.id}`,
        policy: newest.policy.name,
        limit: mostItems,
      }),
  )
  if (!newest || !first) return null
  const known = checked.value?.next === null ? new Set(checked.value.items.map(({ fingerprint }) => fingerprint)) : null
  return (
    <Block
      title="What changed"
      note={
        <>
          from before the first audit, <Time value={first.createdAt} />, to the newest
          {checked.value && !known && '; of all targets of the policy, because the audit is large'}
        </>
      }
    >
      <ResourceView of={drift}>
        {({ items, next }) => {
          const shown = items.filter(({ fingerprint }) => !known || known.has(fingerprint))
          return shown.length === 0 ? (
            <EmptyState title="Nothing changed." />
          ) : (
            <DataTable
              caption={next ? `Of the first ${mostItems} changes` : 'Changes'}
              rows={shown}
              rowKey={({ fingerprint }) => fingerprint}
              columns={[
                {
                  head: 'Finding',
                  cell: ({ fingerprint, target, rule }) => (
                    <Link to={uri`/findings/${fingerprint}`}>
                      {target} · {rule}
                    </Link>
                  ),
                },
                { head: 'Seen from', cell: ({ vantage }) => vantageText({ vantage }) },
                { head: 'Before', cell: ({ before }) => <Side outcome={before} /> },
                { head: 'After', cell: ({ after }) => <Side outcome={after} /> },
                { head: 'Changed', cell: (item) => <Time value={item.at} /> },
              ]}
            />
          )
        }}
      </ResourceView>
    </Block>
  )
}

function Side({ outcome }: { outcome: Outcome }) {
  if (!outcome) return <span class="state">not checked</span>
  return (
    <>
      <Verdict result={outcome.result} /> <State state={outcome.state} />
    </>
  )
}
