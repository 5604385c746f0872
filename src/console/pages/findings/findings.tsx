import { useState } from 'preact/hooks'
import type { Static } from 'typebox'
import type { CurrentFindings as FindingsSchema } from '../../../api/routes/findings/schemas.ts'
import { useResource } from '../../api/resource.ts'
import { ChosenFilters, SearchField } from '../../parts/controls/facets.tsx'
import { Tabs } from '../../parts/controls/tabs.tsx'
import { EmptyState } from '../../parts/empty-state.tsx'
import { Link } from '../../parts/link.tsx'
import { ListPage, listPath } from '../../parts/lists/listing.tsx'
import { useNow } from '../../parts/now.ts'
import { Page } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { severities } from '../../parts/results/results.ts'
import { at, hrefWith, query, queryAll } from '../../url/location.ts'
import { apiPath, type Parameters } from '../../url/parameters.ts'
import { type CurrentFinding, type View, views } from './current-finding.ts'
import { Changed, Facets, facetParameters } from './filters.tsx'
import { findingColumns } from './finding-columns.tsx'
import { FixList } from './fix-list.tsx'
import { GroupBy, Groups, shownGrouping } from './groups.tsx'
import { findingSelection, type Selection, SelectionBar } from './selection.tsx'
import './findings.css'

type Findings = Static<typeof FindingsSchema>

const dayMs = 24 * 60 * 60 * 1000

/** What must be fixed first: the failures of all audits, what is not known, what is accepted. */
export default function FindingsPage() {
  const view = shownView()
  const filters = useFilters()
  const all = useResource<Findings>(apiPath('/v1/findings', { ...filters, facets: true, limit: 1 }))
  return (
    <Page title="Findings" lead={all.value && <Sentence findings={all.value} />}>
      <Tabs name="show" label="Which findings" tabs={tabsOf(all.value)} />
      <div class="filters">
        <SearchField title="Target" hint="Name or address" />
        <Changed />
        {view !== 'fix' && <GroupBy />}
        <ChosenFilters names={['target', 'label', ...(view === 'fix' ? facetParameters : [])]} />
      </div>
      {view === 'fix' ? <FixList filters={filters} /> : <List view={view} filters={filters} />}
    </Page>
  )
}

function shownView(): View {
  const wanted = query.value.get('show') ?? ''
  return Object.hasOwn(views, wanted) ? (wanted as View) : 'failing'
}

/** The filters of the URL, as the API takes them. */
function useFilters(): Parameters {
  const now = useNow()
  const days = Number(query.value.get('days'))
  return {
    ...Object.fromEntries(facetParameters.map((name) => [name, queryAll(name)])),
    label: queryAll('label'),
    target: query.value.get('target'),
    q: query.value.get('q'),
    changedSince: days > 0 ? new Date(now.getTime() - days * dayMs).toISOString() : null,
    at: at.value,
  }
}

const countOf = (values: readonly { value: string; count: number }[] | undefined, ...wanted: string[]) =>
  (values ?? []).reduce((sum, { value, count }) => (wanted.includes(value) ? sum + count : sum), 0)

function tabsOf(findings: Findings | undefined): (readonly [id: View, text: string])[] {
  const results = findings?.facets?.result
  const waived = countOf(findings?.facets?.waived, 'true')
  const withCount = (text: string, count: number) => (findings ? `${text} (${count.toLocaleString('en')})` : text)
  return [
    ['failing', withCount('Failing', countOf(results, 'fail') - waived)],
    ['fix', 'Fix list'],
    ['unknown', withCount('Not known', countOf(results, 'unknown', 'error', 'notchecked'))],
    ['waived', withCount('Waived', waived)],
    ['all', withCount('All', findings?.total ?? 0)],
  ]
}

function Sentence({ findings: { facets, total = 0 } }: { findings: Findings }) {
  const failures = countOf(facets?.result, 'fail') - countOf(facets?.waived, 'true')
  const unknown = countOf(facets?.result, 'unknown', 'error', 'notchecked')
  return (
    <>
      <strong>
        {failures.toLocaleString('en')} of {total.toLocaleString('en')} checks fail
      </strong>
      {unknown > 0 && `, and ${unknown.toLocaleString('en')} are not known`}.
    </>
  )
}

function List({ view, filters }: { view: Exclude<View, 'fix'>; filters: Parameters }) {
  const [selection, setSelection] = useState<Selection>(new Map())
  const list = {
    path: '/v1/findings',
    parameters: { ...filters, ...views[view], order: query.value.get('order') },
  }
  const page = useResource<Findings>(listPath(list.path, { ...list.parameters, facets: true }))
  const grouping = shownGrouping()
  const columns = [findingSelection(selection, setSelection), ...findingColumns]
  return (
    <ResourceView of={page}>
      {(value) => (
        <div class="with-facets">
          <Facets facets={value.facets} />
          <div class="block findings">
            {value.items.length > 0 && (
              <SelectionBar selection={selection} shown={grouping ? [] : value.items} onChange={setSelection} />
            )}
            {grouping && value.items.length > 0 ? (
              <Groups key={grouping} grouping={grouping} parameters={list.parameters} columns={columns} />
            ) : (
              <ListPage<CurrentFinding>
                page={value}
                {...list}
                caption={captions[view]}
                columns={columns}
                rowKey={({ fingerprint }) => fingerprint}
                defaultOrder="worst"
                empty={<Nothing view={view} />}
              />
            )}
          </div>
        </div>
      )}
    </ResourceView>
  )
}

const captions: Readonly<Record<Exclude<View, 'fix'>, string>> = {
  failing: 'Failures that no waiver accepts',
  unknown: 'Checks without a conclusive outcome: unknown, error, not checked',
  waived: 'Failures that a waiver accepts',
  all: `Everything that is checked: failures first, then by severity (${severities.join(', ')})`,
}

const nothing: Readonly<Record<Exclude<View, 'fix'>, string>> = {
  failing: 'Nothing fails.',
  unknown: 'Everything that was checked has an outcome.',
  waived: 'No failure is waived.',
  all: 'Nothing was checked.',
}

function Nothing({ view }: { view: Exclude<View, 'fix'> }) {
  const isFiltered = [...query.value.keys()].some(
    (name) => name !== 'show' && name !== 'at' && name !== 'order' && name !== 'group',
  )
  const clear = Object.fromEntries([...query.value.keys()].map((name) => [name, null]))
  return (
    <EmptyState
      title={isFiltered ? 'No finding has these filters.' : nothing[view]}
      next={
        isFiltered ? (
          <Link url={hrefWith({ ...clear, show: query.value.get('show'), at: at.value })}>Remove the filters</Link>
        ) : (
          view === 'failing' && <Link to="/audits">Open the audits</Link>
        )
      }
    >
      {!isFiltered && view === 'failing' && 'What is not known has a tab of its own.'}
    </EmptyState>
  )
}
