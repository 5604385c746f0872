import type { Static } from 'typebox'
import type { Policy as PolicySchema } from '../../../api/routes/policies/schemas.ts'
import { useResource } from '../../api/resource.ts'
import { Choice, ChosenFilters } from '../../parts/controls/facets.tsx'
import { Tabs } from '../../parts/controls/tabs.tsx'
import { EmptyState } from '../../parts/empty-state.tsx'
import { Link } from '../../parts/link.tsx'
import { ListTools } from '../../parts/lists/listing.tsx'
import { Page } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { at, query, queryAll } from '../../url/location.ts'
import { apiPath } from '../../url/parameters.ts'
import { Draft } from './draft.tsx'
import { Flows } from './flow-view.tsx'
import type { FlowReport } from './texts.ts'

const path = '/v1/reports/flows'

/** Which ports must be open or closed, and are they? */
export default function FlowsPage() {
  const isDraft = query.value.get('show') === 'draft'
  return (
    <Page
      title="Flow map"
      lead="Which ports must be open or closed, from where to where, and are they?"
      actions={
        <button type="button" onClick={() => print()}>
          Print
        </button>
      }
    >
      <Tabs
        name="show"
        label="Which policy"
        tabs={[
          ['stored', 'Stored policy'],
          ['draft', 'Draft'],
        ]}
      />
      {isDraft ? <Draft /> : <Stored />}
    </Page>
  )
}

function Stored() {
  const target = query.value.get('target') ?? undefined
  const policies = useResource<{ items: Static<typeof PolicySchema>[] }>('/v1/policies?limit=500')
  const parameters = { policy: query.value.get('policy'), target, label: queryAll('label'), at: at.value }
  const report = useResource<FlowReport>(apiPath(path, parameters))
  return (
    <>
      <div class="filters">
        <Choice
          name="policy"
          title="Policy"
          all="The one with most checks"
          values={(policies.value?.items ?? []).map(({ name }) => ({ value: name }))}
        />
        <ChosenFilters names={['target', 'label']} />
      </div>
      <ResourceView of={report}>
        {(value) => {
          const shown = ofOnePolicy(value)
          return shown ? (
            <>
              {at.value && (
                <p class="faint">
                  The policy and the results are those of that time. Ports and hosts that parameters of targets decide
                  are those of now: earlier parameters are not stored.
                </p>
              )}
              <Flows report={shown} target={target} />
              <ListTools path={path} parameters={parameters} hasFiles={false} />
            </>
          ) : (
            <EmptyState
              title="There was no such policy at that time."
              next={<Link to="/policies">Open the policies</Link>}
            />
          )
        }}
      </ResourceView>
    </>
  )
}

/** The policy with most checks of a report. */
function ofOnePolicy(report: FlowReport): FlowReport | undefined {
  const checks = (name: string) =>
    report.edges
      .filter(({ policy }) => policy === name)
      .reduce(
        (sum, { counts }) => sum + counts.pass + counts.fail + counts.unknown + counts.error + counts.notchecked,
        0,
      )
  const [policy] = report.policies.toSorted((a, b) => checks(b.name) - checks(a.name))
  if (!policy) return undefined
  const edges = report.edges.filter((edge) => edge.policy === policy.name)
  const used = new Set(edges.flatMap(({ from, to }) => [from, to]))
  return {
    ...report,
    policies: [policy],
    edges,
    hosts: report.hosts.filter(({ id }) => used.has(id)),
    zones: report.zones.filter(({ id }) => used.has(id)),
  }
}
