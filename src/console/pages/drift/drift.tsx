import { useState } from 'preact/hooks'
import type { Static } from 'typebox'
import type { Baseline } from '../../../api/routes/reports/schemas/baselines.ts'
import type { DriftReport, DriftSeries } from '../../../api/routes/reports/schemas/drift.ts'
import { useResource } from '../../api/resource.ts'
import { Choice, ChosenFilters } from '../../parts/controls/facets.tsx'
import { Tabs } from '../../parts/controls/tabs.tsx'
import { EmptyState } from '../../parts/empty-state.tsx'
import { ListPage, listPath } from '../../parts/lists/listing.tsx'
import { useEnd, useNow } from '../../parts/now.ts'
import { Block, Page } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { severities } from '../../parts/results/results.ts'
import { localInput, Time } from '../../parts/time.tsx'
import { query, queryAll, setQuery } from '../../url/location.ts'
import { apiPath, type Parameters } from '../../url/parameters.ts'
import { driftColumns, type Item } from './columns.tsx'
import { BarsLegend, NightBars } from './night-bars.tsx'
import { classes, classNames, type Summary, summaryText, totalOf } from './nights.ts'
import './drift.css'

type Report = Static<typeof DriftReport>

const path = '/v1/reports/drift'
const dayMs = 24 * 60 * 60 * 1000
const nights = 30
const seriesNames = ['target', 'policy', 'rule', 'vantage'] as const

/** What changed between two times, before on the left and after on the right. */
export default function DriftPage() {
  const period = usePeriod()
  const series = Object.fromEntries(seriesNames.map((name) => [name, query.value.get(name)]))
  const targets = { ...series, label: queryAll('label'), severity: query.value.get('severity') }
  const filters = { ...targets, cause: query.value.get('cause'), significance: query.value.get('significance') }
  const all = useResource<Report>(apiPath(path, { ...period, ...filters, limit: 1 }))
  return (
    <Page title="Drift" lead={all.value && <Sentence report={all.value} />}>
      <Nights filters={targets} />
      <Tabs
        name="days"
        label="Period"
        tabs={presets}
        initial={query.value.has('from') ? '' : '1'}
        resets={{ from: null, to: null }}
      />
      <Between period={period} key={period.from + period.to} />
      <div class="filters">
        <Choice name="significance" title="Significance" values={significances} />
        <Choice name="cause" title="Cause" values={causes} />
        <Choice name="severity" title="Severity" values={severities.map((value) => ({ value }))} />
        <ChosenFilters names={[...seriesNames, 'label']} />
      </div>
      <Tabs name="class" label="Kinds of changes" tabs={classTabs(all.value?.summary)} />
      <Items parameters={{ ...period, ...filters, class: query.value.get('class') }} />
    </Page>
  )
}

const presets = [
  ['1', '24 hours'],
  ['7', '7 days'],
  ['30', '30 days'],
  ['90', '90 days'],
] as const
const significances = [
  { value: 'alert', label: 'Alert: needs attention now' },
  { value: 'notice', label: 'Notice: for the next review' },
  { value: 'info', label: 'Info: expected' },
]
const causes = [
  { value: 'environment', label: 'Hosts or network' },
  { value: 'policy', label: 'Another policy version' },
  { value: 'scope', label: 'Other targets or vantages' },
]

interface Period {
  from: string
  to: string
}

/** The two times of the URL: each a time, an audit or a baseline; else the last days up to the time that the page shows. */
function usePeriod(): Period {
  const end = useEnd()
  const to = query.value.get('to') ?? end.toISOString()
  const days = Number(query.value.get('days') ?? 1) || 1
  const before = Number.isNaN(Date.parse(to)) ? end.getTime() : Date.parse(to)
  return { from: query.value.get('from') ?? new Date(before - days * dayMs).toISOString(), to }
}

function Sentence({ report: { from, to, summary } }: { report: Report }) {
  const total = totalOf(summary)
  const text = total === 0 ? 'Nothing changed' : `${total.toLocaleString('en')} ${total === 1 ? 'change' : 'changes'}`
  return (
    <>
      <strong>{text}</strong> from <Time value={from} /> to <Time value={to} />
      {total > 0 && `: ${summaryText(summary)}`}.
    </>
  )
}

function Nights({ filters }: { filters: Parameters }) {
  const now = useNow() // the series has no step that ends in the future
  const from = new Date(now.getTime() - nights * dayMs).toISOString()
  const series = useResource<Static<typeof DriftSeries>>(
    apiPath(`${path}/series`, { ...filters, from, to: now.toISOString(), step: 'P1D' }),
  )
  return (
    <Block title={`The last ${nights} nights`} note="Choose a night to see its changes">
      <ResourceView of={series}>
        {({ items }) => (
          <>
            <NightBars nights={items} />
            <BarsLegend />
          </>
        )}
      </ResourceView>
    </Block>
  )
}

/** The two times as fields; the first can be a baseline. */
function Between({ period }: { period: Period }) {
  const baselines = useResource<{ items: Static<typeof Baseline>[] }>('/v1/baselines')
  const asInput = (time: string) => (Number.isNaN(Date.parse(time)) ? '' : localInput(time))
  const [from, setFrom] = useState(asInput(period.from))
  const [to, setTo] = useState(asInput(period.to))
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    setQuery({ from: from && new Date(from).toISOString(), to: to && new Date(to).toISOString(), days: null })
  }
  const chosen = /^baseline:(.+)$/.exec(period.from)?.[1] ?? ''
  return (
    <form class="filters" onSubmit={submit}>
      <label class="field">
        From
        <input type="datetime-local" value={from} onInput={({ currentTarget }) => setFrom(currentTarget.value)} />
      </label>
      <label class="field">
        To
        <input type="datetime-local" value={to} onInput={({ currentTarget }) => setTo(currentTarget.value)} />
      </label>
      <button type="submit">Compare</button>
      {(baselines.value?.items.length ?? 0) > 0 && (
        <label class="field">
          Or since the baseline
          <select
            value={chosen}
            onChange={({ currentTarget: { value } }) =>
              setQuery({ from: value && `baseline:${value}`, to: null, days: null })
            }
          >
            <option value="">None</option>
            {baselines.value?.items.map(({ name }) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
      )}
    </form>
  )
}

function classTabs(summary: Summary | undefined): (readonly [id: string, text: string])[] {
  const chosen = query.value.get('class')
  const shown = classes.filter((name) => name === chosen || (summary?.[name] ?? 0) > 0)
  const withCount = (text: string, count: number) => (summary ? `${text} (${count.toLocaleString('en')})` : text)
  return [
    ['all', withCount('All', summary ? totalOf(summary) : 0)],
    ...shown.map((name) => [name, withCount(classNames[name], summary?.[name] ?? 0)] as const),
  ]
}

function Items({ parameters }: { parameters: Parameters }) {
  const page = useResource<{ items: Item[]; next: string | null }>(listPath(path, parameters))
  return (
    <ResourceView of={page}>
      {(value) => (
        <div class="block drift">
          <ListPage<Item>
            page={value}
            path={path}
            parameters={parameters}
            caption="Changes by target: before on the left, after on the right"
            rowKey={({ fingerprint }) => fingerprint}
            columns={driftColumns}
            empty={<EmptyState title="Nothing changed.">All that was checked is as it was before.</EmptyState>}
          />
        </div>
      )}
    </ResourceView>
  )
}
