import { useMemo, useRef, useState } from 'preact/hooks'
import type { Static } from 'typebox'
import type { Waiver as WaiverSchema, Window as WindowSchema } from '../../../api/routes/exceptions/schemas.ts'
import { useResource } from '../../api/resource.ts'
import { Tabs } from '../../parts/controls/tabs.tsx'
import { TimeRange } from '../../parts/controls/time-range.tsx'
import { EmptyState } from '../../parts/empty-state.tsx'
import { Link } from '../../parts/link.tsx'
import { ListTools } from '../../parts/lists/listing.tsx'
import { useEnd } from '../../parts/now.ts'
import { Block } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { Legend } from '../../parts/results/legend.tsx'
import { countsText } from '../../parts/results/marks.tsx'
import { SpanBar } from '../../parts/results/span-bar.tsx'
import { Verdict } from '../../parts/results/verdict.tsx'
import { Time } from '../../parts/time.tsx'
import { hrefWith, query } from '../../url/location.ts'
import { apiPath, uri } from '../../url/parameters.ts'
import { Bracket, MarkRow, useLaneMarks } from './lane-marks.tsx'
import { countsAt, type Lane, lanesOf, type Span, spanAt } from './lanes.ts'

type Window = Static<typeof WindowSchema>
type Waiver = Static<typeof WaiverSchema>

const dayMs = 24 * 60 * 60 * 1000
const maxSpans = 1000
const ranges = [
  ['1', '24 hours'],
  ['7', '7 days'],
  ['30', '30 days'],
  ['90', '90 days'],
  ['365', '1 year'],
] as const

/** The period of the URL: two times, or the last days. */
function usePeriod(): { from: string; to: string } {
  const now = useEnd()
  const [from, to] = [query.value.get('from'), query.value.get('to')].map((time) => Date.parse(time ?? ''))
  if (from && to && from < to) return { from: new Date(from).toISOString(), to: new Date(to).toISOString() }
  const days = Number(query.value.get('days')) || 30
  return { from: new Date(now.getTime() - days * dayMs).toISOString(), to: now.toISOString() }
}

/** A lane for each rule and vantage: what was true over time, with the windows and waivers that allowed it. */
export function SwimLanes({ target }: { target: string }) {
  const period = usePeriod()
  const path = uri`/v1/targets/${target}/history`
  const history = useResource<{ items: Span[]; next: string | null }>(apiPath(path, { ...period, limit: maxSpans }))
  const windows = useResource<{ items: Window[] }>(apiPath('/v1/windows', { target, limit: 200 }))
  const waivers = useResource<{ items: Waiver[] }>(apiPath('/v1/waivers', { target, limit: 200 }))
  const exceptions = [
    ...(windows.value?.items ?? []).map(windowAsException),
    ...(waivers.value?.items ?? []).map(waiverAsException),
  ]
  return (
    <Block title="Over time">
      <Tabs
        name="days"
        label="Period"
        tabs={ranges}
        initial={query.value.has('from') ? '' : '30'}
        resets={{ from: null, to: null }}
      />
      <ResourceView of={history}>
        {({ items, next }) =>
          items.length === 0 ? (
            <EmptyState title="Nothing was known in this period.">Choose a longer one, or audit the target.</EmptyState>
          ) : (
            <>
              <Lanes key={period.from} target={target} spans={items} {...period} exceptions={exceptions} />
              {next && (
                <p>Only the newest {maxSpans.toLocaleString('en')} changes are shown: choose a shorter period.</p>
              )}
              <ListTools path={path} parameters={period} />
            </>
          )
        }
      </ResourceView>
    </Block>
  )
}

/** A window or a waiver over its time. */
interface Exception {
  id: string
  policy: string
  rules: readonly string[]
  from: string
  to: string
  text: string
}

const allowed: readonly string[] = ['approved', 'open', 'ended', 'closed', 'still-open']
const windowAsException = ({ id, policy, rules, from, to, state, ticket }: Window): Exception => ({
  ...{ id, policy, from, to, text: `window ${ticket}` },
  rules: allowed.includes(state) ? rules : [],
})
const waiverAsException = ({ id, policy, rules, approvedAt, revokedAt, expiresAt }: Waiver): Exception => ({
  ...{ id, policy, to: revokedAt ?? expiresAt, text: 'waiver' },
  from: approvedAt ?? '',
  rules: approvedAt ? rules : [],
})

const steps = 1000
/** A shorter drag is a click, as a share of the period. */
const leastBrush = 0.01

function Lanes({
  target,
  spans,
  from,
  to,
  exceptions,
}: {
  target: string
  spans: readonly Span[]
  from: string
  to: string
  exceptions: readonly Exception[]
}) {
  const lanes = useMemo(() => lanesOf(spans), [spans])
  const [step, setStep] = useState(steps)
  const [start, end] = [Date.parse(from), Date.parse(to)]
  const time = start + ((end - start) * step) / steps
  const [range, setRange] = useState([start, end] as const)
  const brush = useRef<number>(undefined)
  const marks = useLaneMarks({ target, from, to, policies: [...new Set(lanes.map(({ policy }) => policy))] })
  const move = (event: PointerEvent) => {
    const bar = event.target instanceof Element ? event.target.closest('.lane-bar')?.getBoundingClientRect() : undefined
    if (!bar) return
    const share = Math.min(1, Math.max(0, (event.clientX - bar.left) / bar.width))
    setStep(Math.round(share * steps))
    if (event.type === 'pointerdown') brush.current = share
    if (event.buttons === 0 || brush.current === undefined || Math.abs(share - brush.current) < leastBrush) return
    const [first = 0, last = 1] = [brush.current, share].toSorted((one, other) => one - other)
    setRange([Math.round(start + (end - start) * first), Math.round(start + (end - start) * last)])
  }
  const isWhole = range[0] === start && range[1] === end
  return (
    <div class="card lanes-card">
      <ul class="lanes" onPointerMove={move} onPointerDown={move}>
        <MarkRow title="Audits" marks={marks.audits} from={start} to={end} />
        {marks.versions.length > 0 && <MarkRow title="Policy versions" marks={marks.versions} from={start} to={end} />}
        {lanes.map((lane) => (
          <LaneRow
            key={lane.fingerprint}
            lane={lane}
            from={from}
            to={to}
            time={time}
            share={(step / steps) * 100}
            range={isWhole ? undefined : range}
            exceptions={exceptions.filter(({ policy, rules }) => policy === lane.policy && rules.includes(lane.rule))}
          />
        ))}
      </ul>
      <label class="lane-cursor">
        <span>Time of the cursor</span>
        <input
          type="range"
          min="0"
          max={steps}
          value={step}
          aria-valuetext={new Date(time).toUTCString()}
          onInput={({ currentTarget }) => setStep(Number(currentTarget.value))}
        />
      </label>
      <TimeRange
        label="Range"
        from={start}
        to={end}
        start={range[0]}
        end={range[1]}
        snaps={[...marks.audits, ...marks.versions]}
        onChange={(first, last) => setRange([first, last])}
      />
      <p class="axis">
        <Time value={from} />
        <Time value={to} />
      </p>
      <p>
        <strong>
          <Time value={new Date(time).toISOString()} />
        </strong>
        : {countsText(countsAt(lanes, time))}.{' '}
        {step < steps && <Link url={hrefWith({ at: new Date(time).toISOString() })}>Show every page at this time</Link>}
      </p>
      <RangeActions target={target} range={isWhole ? undefined : range} />
      <Legend
        results={['fail', 'unknown', 'error', 'pass', 'notapplicable', 'notchecked']}
        more={['nothing known', 'window or waiver']}
      />
    </div>
  )
}

/** What can be done with a part of the time: a closer view, and what changed in it. */
function RangeActions({ target, range }: { target: string; range: readonly [start: number, end: number] | undefined }) {
  const [from, to] = (range ?? []).map((ms) => new Date(ms).toISOString())
  return (
    <div class="actions">
      {range ? (
        <>
          <Link class="button" url={hrefWith({ from, to, days: null })}>
            Zoom in
          </Link>
          <Link class="button" to="/drift" query={{ target, from, to }}>
            What changed in this range
          </Link>
        </>
      ) : (
        <span class="faint">Drag over the lanes, or move the handles, to choose a range.</span>
      )}
      {query.value.has('from') && (
        <Link class="button" url={hrefWith({ from: null, to: null })}>
          Zoom out
        </Link>
      )}
    </div>
  )
}

function LaneRow({
  lane,
  from,
  to,
  time,
  share,
  range,
  exceptions,
}: {
  lane: Lane
  from: string
  to: string
  time: number
  /** Of the cursor, in percent. */
  share: number
  range: readonly [start: number, end: number] | undefined
  exceptions: readonly Exception[]
}) {
  const now = spanAt(lane, time)
  const [start, end] = [Date.parse(from), Date.parse(to)]
  const percentAt = (at: string) => Math.min(100, Math.max(0, ((Date.parse(at) - start) / (end - start)) * 100))
  return (
    <li class="lane">
      <span class="lane-name">
        <Link to={uri`/findings/${lane.fingerprint}`}>{lane.rule}</Link> <span class="faint">{lane.from}</span>
      </span>
      <span class="lane-bar">
        <SpanBar label={`${lane.rule} from ${lane.from}`} from={from} to={to} spans={lane.spans}>
          {exceptions.map(({ id, text, ...exception }) => (
            <Bracket key={id} from={percentAt(exception.from)} to={percentAt(exception.to)} text={text} />
          ))}
          {range && (
            <rect
              class="lane-range"
              x={`${((range[0] - start) / (end - start)) * 100}%`}
              width={`${((range[1] - range[0]) / (end - start)) * 100}%`}
              height="100%"
            />
          )}
          <line class="lane-line" x1={`${share}%`} x2={`${share}%`} y1="0" y2="100%" />
        </SpanBar>
      </span>
      <span>{now ? <Verdict result={now.result} /> : <span class="faint">nothing known</span>}</span>
    </li>
  )
}
