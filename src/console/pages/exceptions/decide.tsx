import { useState } from 'preact/hooks'
import { send } from '../../api/client.ts'
import { Confirm } from '../../parts/controls/confirm.tsx'
import { at } from '../../url/location.ts'
import { uri } from '../../url/parameters.ts'
import type { Kind, Waiver, Window } from './types.ts'

type Verb = 'approve' | 'reject' | 'cancel' | 'revoke'

const texts: Readonly<Record<Verb, { button: string; done: string; hint: string }>> = {
  approve: { button: 'Approve', done: 'approved', hint: 'Why it is approved (may stay empty)' },
  reject: { button: 'Reject', done: 'rejected', hint: 'Why it is rejected' },
  cancel: { button: 'Cancel', done: 'canceled', hint: 'Why it is canceled (may stay empty)' },
  revoke: { button: 'Revoke', done: 'revoked', hint: 'Why it is revoked (may stay empty)' },
}

interface Props {
  kind: Kind
  item: Window | Waiver
  /** What it does, in a sentence; shown again before it is approved. */
  effect: string | undefined
  onDone(message: string): void
}

/** Approve and reject, with the reason where the person may not. */
export function Decide({ kind, item, effect, onDone }: Props) {
  const [verb, setVerb] = useState<Verb>()
  const refusal = at.value ? 'The page shows the past.' : item.decisionRefusal && sentence(item.decisionRefusal)
  return (
    <div class="decide">
      <div class="actions">
        <button type="button" class="primary" disabled={!!refusal} onClick={() => setVerb('approve')}>
          Approve {kind}
        </button>
        <button type="button" disabled={!!refusal} onClick={() => setVerb('reject')}>
          Reject
        </button>
      </div>
      {refusal && <p class="faint">{refusal}</p>}
      {verb && <AskFirst {...{ kind, item, effect, onDone, verb }} onClose={() => setVerb(undefined)} />}
    </div>
  )
}

/** Ends a window or waiver that is in force, or a request of one's own. */
export function EndEarly({ kind, item, onDone }: Omit<Props, 'effect'>) {
  const [isConfirming, setConfirming] = useState(false)
  const verb = kind === 'window' ? 'cancel' : 'revoke'
  return (
    <>
      <button type="button" onClick={() => setConfirming(true)}>
        {texts[verb].button} {kind}
      </button>
      {isConfirming && (
        <AskFirst {...{ kind, item, onDone, verb }} effect={endTexts[kind]} onClose={() => setConfirming(false)} />
      )}
    </>
  )
}

const endTexts: Readonly<Record<Kind, string>> = {
  window: 'An open window ends now, and an audit proves that the port is closed.',
  waiver: 'Its findings count again from the next audit on.',
}

function AskFirst({ kind, item, effect, verb, onDone, onClose }: Props & { verb: Verb; onClose(): void }) {
  const { button, done, hint } = texts[verb]
  const confirm = async (reason: string) => {
    await send('POST', `/v1${pageOf(kind, item.id)}/${verb}`, reason === '' ? undefined : { reason })
    onDone(`The ${kind} ${item.ticket ? `of ${item.ticket} ` : ''}was ${done}.`)
  }
  return (
    <Confirm
      title={`${button} the ${kind}?`}
      button={`${button} ${kind}`}
      reason={hint}
      isReasonNeeded={verb === 'reject'}
      onConfirm={confirm}
      onClose={onClose}
    >
      {effect && <p class="effect-sentence">{effect}</p>}
    </Confirm>
  )
}

const sentence = (text: string) => `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}.`

/** The page of a window or waiver. */
export const pageOf = (kind: Kind, id: string): string =>
  kind === 'window' ? uri`/windows/${id}` : uri`/waivers/${id}`
