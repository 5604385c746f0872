import type { Static } from 'typebox'
import type { Audit as AuditSchema } from '../../../api/routes/audits/schemas.ts'
import type { Waiver as WaiverSchema, Window as WindowSchema } from '../../../api/routes/exceptions/schemas.ts'

export type Audit = Static<typeof AuditSchema>
export type Window = Static<typeof WindowSchema>
export type Waiver = Static<typeof WaiverSchema>

/** Whether a change ticket can be closed, and why. */
export interface Closing {
  /** `null`: not known. */
  mayClose: boolean | null
  why: string
}

const endedStates: readonly Window['state'][] = ['closed', 'canceled', 'lapsed', 'rejected']

/** Decides by the newest audit of the ticket and by its windows; what is unknown is never a yes. Audits are newest first. */
export function closingOf(audits: readonly Audit[], windows: readonly Window[]): Closing {
  const stillOpen = windows.filter(({ state }) => state === 'still-open')
  if (stillOpen.length > 0) return no('A port is still open after its window.')
  const unfinished = windows.filter(({ state }) => !endedStates.includes(state))
  if (unfinished.length > 0)
    return no(`${unfinished.length === 1 ? 'A window is' : `${unfinished.length} windows are`} not proven closed yet.`)
  if (audits.some(({ finishedAt }) => finishedAt === null)) return { mayClose: null, why: 'An audit is still running.' }
  const [newest] = audits
  if (!newest) {
    if (windows.length === 0) return { mayClose: null, why: 'No audit and no window has this number.' }
    if (windows.some(({ state }) => state === 'closed'))
      return { mayClose: true, why: 'An audit after each window found its ports closed.' }
    return { mayClose: null, why: 'Nothing was audited under this number.' }
  }
  if (newest.status !== 'completed')
    return { mayClose: null, why: `The newest audit was ${newest.status} before its end.` }
  const failures = newest.counts.fail - newest.counts.waived
  if (failures > 0) return no(`In the newest audit ${failures} ${failures === 1 ? 'check fails' : 'checks fail'}.`)
  if (newest.verdict !== 'pass')
    return { mayClose: null, why: 'In the newest audit nothing fails, and not everything is known.' }
  const { notchecked } = newest.counts
  const rest = notchecked > 0 ? `; ${notchecked} ${notchecked === 1 ? 'check was' : 'checks were'} not made` : ''
  return { mayClose: true, why: `In the newest audit everything that was checked complies${rest}.` }
}

const no = (why: string): Closing => ({ mayClose: false, why })

/** Something that happened under a ticket. */
export interface Happening {
  at: string
  id: string
  text: string
  /** The page about it below /ui. */
  audit?: string
}

/** What happened under a ticket, oldest first. */
export function timeLineOf(ticket: {
  audits: readonly Audit[]
  windows: readonly Window[]
  waivers: readonly Waiver[]
}): Happening[] {
  const { audits, windows, waivers } = ticket
  return [
    ...audits.flatMap(happeningsOfAudit),
    ...windows.flatMap(happeningsOfWindow),
    ...waivers.flatMap(happeningsOfWaiver),
  ].sort((a, b) => Date.parse(a.at) - Date.parse(b.at))
}

const named = (name: string | null, id: string | null) => ((name ?? id) ? ` by ${name ?? id}` : '')
const happening = (at: string | null, id: string, text: string): Happening[] => (at === null ? [] : [{ at, id, text }])

function happeningsOfAudit({ id, createdAt, finishedAt, verdict, status, policy, ...audit }: Audit): Happening[] {
  const started = `Audit of ${policy.name} requested${named(audit.requestedByName, audit.requestedBy)}`
  const ended = `Audit ended: ${status === 'completed' ? verdict : status}`
  return [...happening(createdAt, `${id} created`, started), ...happening(finishedAt, `${id} ended`, ended)].map(
    (one) => ({
      ...one,
      audit: id,
    }),
  )
}

const now = () => new Date().toISOString()

function happeningsOfWindow(window: Window): Happening[] {
  const { id, rules, state, from, to } = window
  const what = `Window for ${rules.join(', ')}`
  const wasOpen = window.approvedAt !== null && (window.canceledAt === null || window.canceledAt > from)
  return [
    ...happening(
      window.createdAt,
      `${id} created`,
      `${what} requested${named(window.requestedByName, window.requestedBy)}`,
    ),
    ...happening(
      window.approvedAt,
      `${id} approved`,
      `${what} approved${named(window.approvedByName, window.approvedBy)}`,
    ),
    ...happening(
      window.rejectedAt,
      `${id} rejected`,
      `${what} rejected${named(window.rejectedByName, window.rejectedBy)}`,
    ),
    ...happening(
      window.canceledAt,
      `${id} canceled`,
      `${what} canceled${named(window.canceledByName, window.canceledBy)}`,
    ),
    ...(wasOpen && from <= now() ? happening(from, `${id} from`, `${what} opened`) : []),
    ...(wasOpen && window.canceledAt === null && to <= now() ? happening(to, `${id} to`, `${what} ended`) : []),
    ...happening(
      window.provenAt,
      `${id} proven`,
      `${what}: an audit found it ${state === 'closed' ? 'closed' : (window.proof ?? state)}`,
    ),
  ]
}

const happeningsOfWaiver = (waiver: Waiver): Happening[] => {
  const { id, rules } = waiver
  const what = `Waiver of ${rules.join(', ')}`
  return [
    ...happening(
      waiver.createdAt,
      `${id} created`,
      `${what} requested${named(waiver.requestedByName, waiver.requestedBy)}`,
    ),
    ...happening(
      waiver.approvedAt,
      `${id} approved`,
      `${what} approved${named(waiver.approvedByName, waiver.approvedBy)}`,
    ),
    ...happening(
      waiver.rejectedAt,
      `${id} rejected`,
      `${what} rejected${named(waiver.rejectedByName, waiver.rejectedBy)}`,
    ),
    ...happening(waiver.revokedAt, `${id} revoked`, `${what} revoked${named(waiver.revokedByName, waiver.revokedBy)}`),
  ]
}
