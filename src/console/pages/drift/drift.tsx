import { useState } from 'preact/hooks'
import type { Static } from 'typebox'
import type { Audit } from '../../../api/routes/audits/schemas.ts'
import type { Baseline } from '../../../api/routes/reports/schemas/baselines.ts'
import type { DriftReport, DriftSeries } from '../../../api/routes/reports/schemas/drift.ts'
import { mayAny } from '../../api/me.ts'
import { useResource } from '../../api/resource.ts'
import { me } from '../../api/session.ts'
import { Choice, ChosenFilters } from '../../parts/controls/facets.tsx'
import { Tabs } from '../../parts/controls/tabs.tsx'
import { TimeRange } from '../../parts/controls/time-range.tsx'
import { EmptyState } from '../../parts/empty-state.tsx'
import type { Column } from '../../parts/lists/data-table.tsx'
import { ListPage, listPath } from '../../parts/lists/listing.tsx'
import { selectionColumn } from '../../parts/lists/selection-column.tsx'
import { useEnd, useNow } from '../../parts/now.ts'
import { Block, Page } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { severities } from '../../parts/results/results.ts'
import { localInput, Time } from '../../parts/time.tsx'
import { at, query, queryAll, setQuery } from '../../url/location.ts'
import { apiPath, type Parameters } from '../../url/parameters.ts'
import { AcceptIntoBaseline } from './accept.tsx'
import { driftColumns, type Item } from './columns.tsx'
import { BarsLegend, NightBars } from './night-bars.tsx'
import { classes, classNames, type Summary, summaryText, totalOf } from './nights.ts'
import './drift.css'

type Report = Static<typeof DriftReport>

const path = '/v1/reports/drift'
const dayMs = 24 * 60 * 60 * 1000
/** How many nights have bars, at least and at most. */
const [leastNights, mostNights] = [30, 90]
const mostAudits = 500
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
      <Nights filters={targets} period={period} />
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
      <Items parameters={{ ...period, ...filters, class: query.value.get('class') }} onAccepted={all.reload} />
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

function Nights({ filters, period }: { filters: Parameters; period: Period }) {
  const now = useNow() // the series has no step that ends in the future
  const nights = Math.min(mostNights, Math.max(leastNights, Number(query.value.get('days')) || 0))
  const from = new Date(now.getTime() - nights * dayMs).toISOString()
  const shown = { from, to: now.toISOString() }
  const series = useResource<Static<typeof DriftSeries>>(
    apiPath(`${path}/series`, { ...filters, ...shown, step: 'P1D' }),
  )
  return (
    <Block title={`The last ${nights} nights`} note="Choose a night, or move the handles">
      <ResourceView of={series}>
        {({ items }) => (
          <>
            <NightBars nights={items}>
              <Handles bounds={shown} period={period} />
            </NightBars>
            <BarsLegend />
          </>
        )}
      </ResourceView>
    </Block>
  )
}

const useBaselines = () => useResource<{ items: Static<typeof Baseline>[] }>('/v1/baselines').value?.items ?? []

/** The two times as handles below the bars, which snap to runs, audits and baselines. */
function Handles({ bounds, period }: { bounds: Period; period: Period }) {
  const audits = useResource<{ items: Static<typeof Audit>[] }>(
    apiPath('/v1/audits', { ...bounds, status: 'completed', limit: mostAudits }),
  )
  const baselines = useBaselines()
  const [from, to] = [Date.parse(bounds.from), Date.parse(bounds.to)]
  const within = (ms: number) => Math.min(to, Math.max(from, ms))
  const snaps = [
    ...(audits.value?.items ?? []).flatMap(({ finishedAt, trigger, correlationId }) =>
      finishedAt === null ? [] : { at: Date.parse(finishedAt), label: auditText(trigger, correlationId) },
    ),
    ...baselines.map(({ name, createdAt }) => ({ at: Date.parse(createdAt), label: `baseline ${name}` })),
  ].filter(({ at: ms }) => ms >= from && ms <= to)
  const timeOf = (text: string) => {
    const baseline = baselines.find(({ name }) => text === `baseline:${name}`)
    const ms = Date.parse(baseline?.createdAt ?? text)
    return within(Number.isNaN(ms) ? from : ms)
  }
  return (
    <TimeRange
      label="Period"
      from={from}
      to={to}
      start={timeOf(period.from)}
      end={timeOf(period.to)}
      snaps={snaps}
      onChange={(start, end) => {
        const baseline = baselines.find(({ createdAt }) => Date.parse(createdAt) === start)
        const first = baseline ? `baseline:${baseline.name}` : new Date(start).toISOString()
        setQuery(
          { from: first, to: end >= to ? null : new Date(end).toISOString(), days: null, class: null },
          { replace: true },
        )
      }}
    />
  )
}

const auditText = (trigger: string, ticket: string | null) => {
  const schedule = /^schedule:(.+)$/.exec(trigger)?.[1]
  return schedule === undefined ? `audit${ticket ? ` ${ticket}` : ''}` : `run of ${schedule}`
}

/** The two times as fields; the first can be a baseline. */
function Between({ period }: { period: Period }) {
  const baselines = useBaselines()
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
      {baselines.length > 0 && (
        <label class="field">
          Or since the baseline
          <select
            value={chosen}
            onChange={({ currentTarget: { value } }) =>
              setQuery({ from: value && `baseline:${value}`, to: null, days: null })
            }
          >
            <option value="">None</option>
            {baselines.map(({ name }) => (
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

function Items({ parameters, onAccepted }: { parameters: Parameters; onAccepted: () => void }) {
  const page = useResource<{ items: Item[]; next: string | null }>(listPath(path, parameters))
  const [chosen, setChosen] = useState<ReadonlyMap<string, Item>>(new Map())
  const baseline = /^baseline:(.+)$/.exec(String(parameters.from))?.[1]
  const isPresent = at.value === undefined && !query.value.has('to')
  const mayAccept = baseline !== undefined && isPresent && mayAny(me.value, 'waivers:approve')
  return (
    <ResourceView of={page}>
      {(value) => (
        <div class="block drift">
          {mayAccept && value.items.length > 0 && (
            <AcceptIntoBaseline
              baseline={baseline}
              chosen={[...chosen.values()]}
              onAccepted={() => {
                setChosen(new Map())
                page.reload()
                onAccepted()
              }}
            />
          )}
          <ListPage<Item>
            page={value}
            path={path}
            parameters={parameters}
            caption="Changes by target: before on the left, after on the right"
            rowKey={({ fingerprint }) => fingerprint}
            columns={mayAccept ? [selectColumn(chosen, setChosen), ...driftColumns] : driftColumns}
            empty={<EmptyState title="Nothing changed.">All that was checked is as it was before.</EmptyState>}
          />
        </div>
      )}
    </ResourceView>
  )
}

const selectColumn = (
  chosen: ReadonlyMap<string, Item>,
  onChange: (next: ReadonlyMap<string, Item>) => void,
): Column<Item> =>
  selectionColumn({
    isChosen: ({ fingerprint }) => chosen.has(fingerprint),
    nameOf: ({ target, rule, vantage }) => `${target}, ${rule}, from ${vantage}`,
    onToggle: (item, isChosen) => {
      const next = new Map(chosen)
      if (isChosen) next.set(item.fingerprint, item)
      else next.delete(item.fingerprint)
      onChange(next)
    },
  })
