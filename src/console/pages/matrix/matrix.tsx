import type { Static } from 'typebox'
import type { Policy as PolicySchema } from '../../../api/routes/policies/schemas.ts'
import { useResource } from '../../api/resource.ts'
import { Choice, ChosenFilters, SearchField } from '../../parts/controls/facets.tsx'
import { Tabs } from '../../parts/controls/tabs.tsx'
import { EmptyState } from '../../parts/empty-state.tsx'
import { Link } from '../../parts/link.tsx'
import { ListTools } from '../../parts/lists/listing.tsx'
import { Page } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { resultNames, resultOrder } from '../../parts/results/results.ts'
import { at, hrefWith, query, queryAll } from '../../url/location.ts'
import { apiPath } from '../../url/parameters.ts'
import { Grid } from './grid.tsx'
import { MatrixTable } from './matrix-table.tsx'
import { type Mode, modes } from './modes.ts'
import type { Matrix } from './report.ts'
import './matrix.css'

const path = '/v1/reports/matrix'
const maxRows = 10_000
const pageRows = 100

const shownMode = (): Mode => {
  const wanted = query.value.get('mode') ?? ''
  return Object.hasOwn(modes, wanted) ? (wanted as Mode) : 'result'
}

/** Where are the holes: a target, a rule, or a vantage? */
export default function MatrixPage() {
  const isTable = query.value.get('view') === 'table'
  const mode = shownMode()
  const policies = useResource<{ items: Static<typeof PolicySchema>[] }>('/v1/policies?limit=500')
  const parameters = {
    policy: query.value.get('policy'),
    q: query.value.get('q'),
    label: queryAll('label'),
    result: query.value.get('result'),
    disagree: query.value.get('disagree'),
    ages: mode === 'age' || null,
    order: query.value.get('order') ?? 'worst',
    at: at.value,
  }
  const page = isTable ? { limit: pageRows, cursor: query.value.get('cursor') } : { limit: maxRows }
  const matrix = useResource<Matrix>(apiPath(path, { ...parameters, ...page }))
  return (
    <Page title="Matrix" lead={matrix.value && <Sentence matrix={matrix.value} />}>
      <Tabs
        name="view"
        label="How it is shown"
        tabs={[
          ['matrix', 'Matrix'],
          ['table', 'Table'],
        ]}
      />
      <div class="filters">
        <SearchField title="Target" hint="Name or address" />
        <Choice
          name="policy"
          title="Policy"
          values={(policies.value?.items ?? []).map(({ name }) => ({ value: name }))}
        />
        <Choice name="result" title="Targets with" values={results} />
        <Choice name="mode" title="Cells show" all={modes.result} values={otherModes} />
        <Choice name="disagree" title="Vantages" values={[{ value: 'true', label: 'Disagree' }]} />
        <Choice name="order" title="Order" all="Worst first" values={[{ value: 'name', label: 'By name' }]} />
        <ChosenFilters names={['label']} />
      </div>
      <ResourceView of={matrix}>
        {(value) =>
          value.rows.length === 0 ? (
            <EmptyState title="There is nothing to show.">
              No target was checked at that time, or none has these filters.
            </EmptyState>
          ) : (
            <>
              {isTable ? <MatrixTable matrix={value} mode={mode} /> : <Grid matrix={value} mode={mode} />}
              <footer class="list-foot">
                <p class="faint">
                  {value.rows.length.toLocaleString('en')} of {value.totals.targets.toLocaleString('en')} targets
                </p>
                {isTable && (
                  <nav class="actions" aria-label="Pages of the list">
                    {query.value.get('cursor') && <Link url={hrefWith({})}>First page</Link>}
                    {value.next && <Link url={hrefWith({ cursor: value.next })}>Next page</Link>}
                  </nav>
                )}
                <ListTools path={path} parameters={parameters} hasFiles={false} />
              </footer>
            </>
          )
        }
      </ResourceView>
    </Page>
  )
}

const otherModes = (Object.keys(modes) as Mode[])
  .filter((value) => value !== 'result')
  .map((value) => ({ value, label: modes[value] }))

const results = resultOrder
  .filter((result) => result !== 'waived')
  .map((value) => ({ value, label: resultNames[value] }))

function Sentence({ matrix: { totals, columns } }: { matrix: Matrix }) {
  const { pass, fail, unknown, error, notchecked } = totals.counts
  const checks = pass + fail + unknown + error + notchecked
  const failures = fail - totals.waived
  return (
    <>
      <strong>
        {failures.toLocaleString('en')} of {checks.toLocaleString('en')} checks fail
      </strong>{' '}
      on {totals.targets.toLocaleString('en')} {totals.targets === 1 ? 'target' : 'targets'}, in {columns.length}{' '}
      {columns.length === 1 ? 'column' : 'columns'} of rules and vantages.
    </>
  )
}
