import { useState } from 'preact/hooks'
import { mayAny } from '../../api/me.ts'
import { useResource } from '../../api/resource.ts'
import { me } from '../../api/session.ts'
import { Link } from '../../parts/link.tsx'
import { OnlyNow } from '../../parts/only-now.tsx'
import { Block, Page, type PageProps } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { Time } from '../../parts/time.tsx'
import { at } from '../../url/location.ts'
import { uri } from '../../url/parameters.ts'
import { Decide, EndEarly, pageOf } from './decide.tsx'
import { EffectDetails } from './effect.tsx'
import { Facts, isWindow, sentenceOf } from './facts.tsx'
import { State } from './state.tsx'
import type { Effect, Kind, Waiver, Window } from './types.ts'
import './exceptions.css'

const titles: Readonly<Record<Kind, string>> = { window: 'Window', waiver: 'Waiver' }

/** The page of a window or waiver: what it does, who requested it, who decided, and what can be decided now. */
export const pageFor = (kind: Kind) =>
  function ExceptionPage({ params: { id = '' } }: PageProps) {
    const path = at.value ? undefined : `/v1${pageOf(kind, id)}`
    const item = useResource<Window | Waiver>(path)
    const effect = useResource<Effect>(path && `${path}/effect`)
    const [message, setMessage] = useState('')
    if (at.value) return <OnlyNow title={`${titles[kind]}s`} />
    const { value } = item
    const onDone = (text: string) => {
      setMessage(text)
      item.reload()
      effect.reload()
    }
    const sentence = value && effect.value && sentenceOf(value, effect.value)
    return (
      <Page
        title={`${titles[kind]}${value?.ticket ? ` for ${value.ticket}` : ''}`}
        lead={value && <State item={value} />}
        actions={value && mayEnd(value) && <EndEarly kind={kind} item={value} onDone={onDone} />}
      >
        <p role="status" class="done">
          {message}
        </p>
        <ResourceView of={item}>
          {(shown) => (
            <div class="columns">
              <Block title="Request">
                <div class="card request">
                  <Facts item={shown} />
                  {shown.state === 'requested' && <Decide kind={kind} item={shown} effect={sentence} onDone={onDone} />}
                </div>
                {isWindow(shown) && <Proof window={shown} />}
              </Block>
              <Block title="Effect" note="by what is known now">
                {sentence && <p class="effect-sentence">{sentence}</p>}
                <ResourceView of={effect}>{(known) => <EffectDetails kind={kind} effect={known} />}</ResourceView>
              </Block>
            </div>
          )}
        </ResourceView>
      </Page>
    )
  }

const endable: readonly string[] = ['requested', 'approved', 'open', 'active']
/** A request of another person is rejected instead. */
const mayEnd = (item: Window | Waiver) =>
  endable.includes(item.state) &&
  !(item.state === 'requested' && item.decisionRefusal === null) &&
  mayAny(me.value, 'audits:run', isWindow(item) ? 'windows:approve' : 'waivers:approve')

function Proof({ window: { reprobes, reprobe, provenAt, proof } }: { window: Window }) {
  if (reprobe === null) return null
  return (
    <p>
      Probed {reprobes === 1 ? 'once' : `${reprobes} times`} since its end;{' '}
      <Link to={uri`/audits/${reprobe}`}>the newest audit</Link>{' '}
      {provenAt && proof ? (
        <>
          found it {proof} <Time value={provenAt} />.
        </>
      ) : (
        'has not ended.'
      )}
    </p>
  )
}
