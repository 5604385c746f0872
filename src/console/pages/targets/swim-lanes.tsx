import { useMemo, useState } from 'preact/hooks'
import type { Static } from 'typebox'
import type { Waiver as WaiverSchema, Window as WindowSchema } from '../../../api/routes/exceptions/schemas.ts'
import { useResource } from '../../api/resource.ts'
import { Tabs } from '../../parts/controls/tabs.tsx'
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

/** A lane for each rule and vantage: what was true over time, with the windows and waivers that allowed it. */
export function SwimLanes({ target }: { target: string }) {
  const now = useEnd()
  const days = Number(query.value.get('days')) || 30
  const from = new Date(now.getTime() - days * dayMs).toISOString()
  const period = { from, to: now.toISOString() }
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
      <Tabs name="days" label="Period" tabs={ranges} initial="30" />
      <ResourceView of={history}>
        {({ items, next }) =>
          items.length === 0 ? (
            <EmptyState title="Nothing was known in this period.">Choose a longer one, or audit the target.</EmptyState>
          ) : (
            <>
              <Lanes spans={items} {...period} exceptions={exceptions} />
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

function Lanes({
  spans,
  from,
  to,
  exceptions,
}: {
  spans: readonly Span[]
  from: string
  to: string
  exceptions: readonly Exception[]
}) {
  const lanes = useMemo(() => lanesOf(spans), [spans])
  const [step, setStep] = useState(steps)
  const [start, end] = [Date.parse(from), Date.parse(to)]
  const time = start + ((end - start) * step) / steps
  const move = (event: PointerEvent) => {
    const bar = event.target instanceof Element ? event.target.closest('.lane-bar')?.getBoundingClientRect() : undefined
    if (bar) setStep(Math.round(Math.min(1, Math.max(0, (event.clientX - bar.left) / bar.width)) * steps))
  }
  return (
    <div class="card lanes-card">
      <ul class="lanes" onPointerMove={move} onPointerDown={move}>
        {lanes.map((lane) => (
          <LaneRow
            key={lane.fingerprint}
            lane={lane}
            from={from}
            to={to}
            time={time}
            share={(step / steps) * 100}
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
      <Legend
        results={['fail', 'unknown', 'error', 'pass', 'notapplicable', 'notchecked']}
        more={['nothing known', 'window or waiver']}
      />
    </div>
  )
}

function LaneRow({
  lane,
  from,
  to,
  time,
  share,
  exceptions,
}: {
  lane: Lane
  from: string
  to: string
  time: number
  /** Of the cursor, in percent. */
  share: number
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
          {exceptions.map((exception) => (
            <rect
              key={exception.id}
              class="lane-exception"
              x={`${percentAt(exception.from)}%`}
              width={`${percentAt(exception.to) - percentAt(exception.from)}%`}
              height="100%"
            >
              <title>{exception.text}</title>
            </rect>
          ))}
          <line class="lane-line" x1={`${share}%`} x2={`${share}%`} y1="0" y2="100%" />
        </SpanBar>
      </span>
      <span>{now ? <Verdict result={now.result} /> : <span class="faint">nothing known</span>}</span>
    </li>
  )
}
