import type { ComponentChildren } from 'preact'
import { textOf } from '../../../domain/targets.ts'
import { Actor } from '../../parts/actor.tsx'
import { KeyValues } from '../../parts/key-values.tsx'
import { Link } from '../../parts/link.tsx'
import { formatDuration, formatTime, Time } from '../../parts/time.tsx'
import { uri } from '../../url/parameters.ts'
import { waiverSentence, windowSentence } from './sentence.ts'
import { type Effect, type Kind, targetsText, type Waiver, type Window } from './types.ts'

export const isWindow = (item: Window | Waiver): item is Window => 'to' in item
export const kindOf = (item: Window | Waiver): Kind => (isWindow(item) ? 'window' : 'waiver')

/** "2 h": how long a window is open. */
export const durationOf = ({ from, to }: Pick<Window, 'from' | 'to'>): string =>
  formatDuration(Date.parse(to) - Date.parse(from))

/** What a window or waiver does, in a sentence. */
export const sentenceOf = (item: Window | Waiver, effect: Effect): string =>
  isWindow(item) ? windowSentence(effect, durationOf(item)) : waiverSentence(effect, formatTime(item.expiresAt))

export function Ticket({ ticket }: { ticket: string | null }) {
  return ticket === null ? <span class="faint">none</span> : <Link to={uri`/tickets/${ticket}`}>{ticket}</Link>
}

function By({
  id,
  name,
  time,
  reason,
}: {
  id: string
  name: string | null
  time: string | null
  reason?: string | null
}) {
  return (
    <span>
      <Actor id={id} name={name} />
      {time && (
        <>
          , <Time value={time} />
        </>
      )}
      {reason && <q class="said">{reason}</q>}
    </span>
  )
}

/** Who asks for what, when, and why; then what was decided. */
export function Facts({ item }: { item: Window | Waiver }) {
  const { policy, rules, ticket, reason, targets } = item
  const names = Array.isArray(targets) ? targets.map(textOf) : undefined
  const entries: [string, ComponentChildren][] = [
    ['Requested by', <By key="by" id={item.requestedBy} name={item.requestedByName} time={item.createdAt} />],
    ['Reason', reason],
    ['Ticket', <Ticket key="ticket" ticket={ticket} />],
    [
      rules.length === 1 ? 'Rule' : 'Rules',
      <span key="rules">
        {rules.map((rule, i) => (
          <>
            {i > 0 && ', '}
            <Link to={uri`/policies/${policy}`} hash={rule}>
              {rule}
            </Link>
          </>
        ))}{' '}
        <span class="faint">of {policy}</span>
      </span>,
    ],
    ['Targets', names ? <TargetLinks key="targets" names={names} /> : targetsText(targets)],
    ...(isWindow(item) ? timesOfWindow(item) : timesOfWaiver(item)),
  ]
  return <KeyValues entries={[...entries, ...decisionOf(item)]} />
}

const timesOfWindow = ({ from, to }: Window): [string, ComponentChildren][] => [
  [
    'When',
    <span key="when">
      <Time value={from} /> to <Time value={to} />
    </span>,
  ],
]
const timesOfWaiver = ({ expiresAt }: Waiver): [string, ComponentChildren][] => [
  ['Ends', <Time key="ends" value={expiresAt} />],
]

function decisionOf(item: Window | Waiver): [string, ComponentChildren][] {
  const ended = isWindow(item)
    ? { name: 'Canceled by', id: item.canceledBy, by: item.canceledByName, at: item.canceledAt }
    : { name: 'Revoked by', id: item.revokedBy, by: item.revokedByName, at: item.revokedAt }
  const decisions = [
    {
      name: 'Approved by',
      id: item.approvedBy,
      by: item.approvedByName,
      at: item.approvedAt,
      reason: item.decisionReason,
    },
    {
      name: 'Rejected by',
      id: item.rejectedBy,
      by: item.rejectedByName,
      at: item.rejectedAt,
      reason: item.decisionReason,
    },
    ended,
  ]
  return decisions.flatMap(({ name, id, by, at, ...more }) =>
    id === null ? [] : [[name, <By key={name} id={id} name={by} time={at} {...more} />] as [string, ComponentChildren]],
  )
}

function TargetLinks({ names }: { names: readonly string[] }) {
  const shown = names.slice(0, 10)
  return (
    <span>
      {shown.map((name, i) => (
        <>
          {i > 0 && ', '}
          <Link to={uri`/targets/${name}`}>{name}</Link>
        </>
      ))}
      {names.length > shown.length && ` and ${names.length - shown.length} others`}
    </span>
  )
}
