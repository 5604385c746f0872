import { useState } from 'preact/hooks'
import { type Resource, useResource } from '../../api/resource.ts'
import { EmptyState } from '../../parts/empty-state.tsx'
import { Link } from '../../parts/link.tsx'
import { useNow } from '../../parts/now.ts'
import { OnlyNow } from '../../parts/only-now.tsx'
import { Block, Page } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { Verdict } from '../../parts/results/verdict.tsx'
import { Time } from '../../parts/time.tsx'
import { at } from '../../url/location.ts'
import { apiPath } from '../../url/parameters.ts'
import { Decide, EndEarly, pageOf } from './decide.tsx'
import { EffectDetails } from './effect.tsx'
import { Facts, kindOf, sentenceOf } from './facts.tsx'
import { Left } from './left.tsx'
import type { Effect, Waiver, Window } from './types.ts'
import './exceptions.css'

const soonMs = 14 * 24 * 60 * 60 * 1000
const limit = 100

type Item = Window | Waiver
interface List<T> {
  items: T[]
}

/** What waits for a decision, what is open now, and what ends soon. */
export default function Approvals() {
  if (at.value) return <OnlyNow title="Approvals">What was permitted at that time is at each finding.</OnlyNow>
  return (
    <Page title="Approvals" lead="What waits for a decision, what is open now, and what ends soon.">
      <Content />
    </Page>
  )
}

function Content() {
  const now = useNow()
  const [message, setMessage] = useState('')
  const stillOpen = useResource<List<Window>>(apiPath('/v1/windows', { state: 'still-open', limit }))
  const windows = useResource<List<Window>>(apiPath('/v1/windows', { state: 'requested', limit }))
  const waivers = useResource<List<Waiver>>(apiPath('/v1/waivers', { state: 'requested', limit }))
  const open = useResource<List<Window>>(apiPath('/v1/windows', { state: 'open', limit }))
  const expiresBefore = new Date(now.getTime() + soonMs).toISOString()
  const ending = useResource<List<Waiver>>(apiPath('/v1/waivers', { state: 'active', expiresBefore, limit }))
  const onDone = (text: string) => {
    setMessage(text)
    for (const list of [windows, waivers, open, ending]) list.reload()
    document.querySelector<HTMLElement>('h1')?.focus()
  }
  return (
    <>
      <p role="status" class="done">
        {message}
      </p>
      <StillOpen windows={stillOpen} />
      <ResourceView of={windows}>
        {(ofWindows) => (
          <ResourceView of={waivers}>
            {(ofWaivers) => <Requests items={[...ofWindows.items, ...ofWaivers.items]} onDone={onDone} />}
          </ResourceView>
        )}
      </ResourceView>
      <div class="columns">
        <Block title="Open now">
          <ResourceView of={open}>
            {({ items }) => <Lines items={items} end={({ to }) => to} empty="No window is open." onDone={onDone} />}
          </ResourceView>
        </Block>
        <Block title="Waivers that end within 14 days">
          <ResourceView of={ending}>
            {({ items }) => <Lines items={items} end={({ expiresAt }) => expiresAt} empty="No waiver ends soon." />}
          </ResourceView>
        </Block>
      </div>
    </>
  )
}

/** The exposures that an audit found open after their window, if there are any. */
export function StillOpen({ windows }: { windows: Resource<List<Window>> }) {
  const { value, problem } = windows
  if (!problem && (value === undefined || value.items.length === 0)) return null
  return (
    <Block title="Still open after their window">
      <ResourceView of={windows}>
        {({ items }) => (
          <ul class="card urgent changes">
            {items.map((window) => (
              <li key={window.id} class="finding-row">
                <Verdict result="fail" text="Still open" />
                <Link to={pageOf('window', window.id)}>
                  {window.rules.join(', ')} for {window.ticket}
                </Link>
                <span class="finding-reason">
                  ended <Time value={window.to} />, probed {window.reprobes} times since
                </span>
              </li>
            ))}
          </ul>
        )}
      </ResourceView>
    </Block>
  )
}

function Requests({ items, onDone }: { items: readonly Item[]; onDone(message: string): void }) {
  const mine = items.filter(({ decisionRefusal }) => decisionRefusal === null)
  const others = items.filter(({ decisionRefusal }) => decisionRefusal !== null)
  return (
    <>
      <Block title="Waiting for you" note={mine.length > 0 && `${mine.length} to decide`}>
        {mine.length === 0 ? (
          <EmptyState title="Nothing waits for your decision.">
            Windows and waivers that others request appear here, with their effect.
          </EmptyState>
        ) : (
          <div class="requests">
            {mine.map((item) => (
              <Request key={item.id} item={item} onDone={onDone} />
            ))}
          </div>
        )}
      </Block>
      {others.length > 0 && (
        <Block title="Waiting for others">
          <div class="requests">
            {others.map((item) => (
              <Request key={item.id} item={item} onDone={onDone} />
            ))}
          </div>
        </Block>
      )}
    </>
  )
}

function Request({ item, onDone }: { item: Item; onDone(message: string): void }) {
  const kind = kindOf(item)
  const effect = useResource<Effect>(`/v1${pageOf(kind, item.id)}/effect`)
  const sentence = effect.value && sentenceOf(item, effect.value)
  return (
    <article class="card request" aria-label={`${kind} ${item.ticket ?? item.id}`}>
      <h3>
        <Link to={pageOf(kind, item.id)}>
          {kind === 'window' ? 'Window' : 'Waiver'} {item.ticket && `for ${item.ticket}`}
        </Link>
      </h3>
      {sentence && <p class="effect-sentence">{sentence}</p>}
      <Facts item={item} />
      <ResourceView of={effect}>{(value) => <EffectDetails kind={kind} effect={value} />}</ResourceView>
      <Decide kind={kind} item={item} effect={sentence} onDone={onDone} />
    </article>
  )
}

function Lines<T extends Item>({
  items,
  end,
  empty,
  onDone,
}: {
  items: readonly T[]
  end(item: T): string
  empty: string
  onDone?(message: string): void
}) {
  if (items.length === 0) return <EmptyState title={empty} />
  const sorted = items.toSorted((a, b) => end(a).localeCompare(end(b)))
  return (
    <ul class="card changes">
      {sorted.map((item) => (
        <li key={item.id} class="finding-row">
          <Link to={pageOf(kindOf(item), item.id)}>
            {item.rules.join(', ')} {item.ticket && `for ${item.ticket}`}
          </Link>
          <span class="finding-reason">
            <Left until={end(item)} /> left, until <Time value={end(item)} />
          </span>
          {onDone && <EndEarly kind={kindOf(item)} item={item} onDone={onDone} />}
        </li>
      ))}
    </ul>
  )
}
