import { type Static, Type } from 'typebox'
import { closedObject } from '../policy/shape.ts'
import { Port } from '../policy/values.ts'
import { BindWithheld } from '../protocols/ldap.ts'
import type { BindOutcome } from '../protocols/protocol.ts'

const digest = Type.String({ pattern: '^[0-9a-f]{64}$', maxLength: 64, examples: ['5f'.repeat(32)] })
const BindIdentity = closedObject({
  accounts: Type.Array(digest, {
    minItems: 1,
    maxItems: 4,
    uniqueItems: true,
    description: 'Keyed digests of the names of the account; accounts with a name in common count as one',
  }),
  credential: Type.String({ ...digest, description: 'Keyed digest of the credential; another one shows a change' }),
  key: Type.String({ ...digest, description: 'Digest of the key: digests of another key cannot be compared' }),
})
/** What the service knows of an account and a credential, which it never sees. */
export type BindIdentity = Static<typeof BindIdentity>

export const maxBindWaitMs = 30_000
export const maxBindLeaseMs = 90_000

/** A request to bind once. */
export const BindClaim = closedObject({
  ...BindIdentity.properties,
  host: Type.String({ minLength: 1, maxLength: 253, description: 'Host of the directory', examples: ['dc1.example'] }),
  port: Port,
  waitMs: Type.Integer({
    minimum: 0,
    maximum: maxBindWaitMs,
    description: 'How long to wait for another bind of the account',
  }),
  leaseMs: Type.Integer({
    minimum: 1,
    maximum: maxBindLeaseMs,
    description: 'By when the result is reported; without it the bind counts as refused',
  }),
})
export type BindClaim = Static<typeof BindClaim>

/** Whether the bind may be made. */
export const BindDecision = Type.Union([
  closedObject({ permitted: Type.Literal(true), id: Type.String({ format: 'uuid', description: 'Id of the bind' }) }),
  closedObject({
    permitted: Type.Literal(false),
    reason: Type.Enum(['credential-withheld', 'credential-unsettled']),
    isRunning: Type.Boolean({ description: 'Whether another bind of the account is under way' }),
    withheld: BindWithheld,
  }),
])
export type BindDecision = Static<typeof BindDecision>

/** `unsent`: the permission was not used. */
const bindResults = ['accepted', 'refused', 'harmless', 'unknown', 'unsent'] as const
/** What became of a permitted bind. */
export const BindResult = closedObject({
  outcome: Type.Enum([...bindResults], {
    description:
      '`harmless`: not accepted, and no failed logon for the directory; `unknown`: no result; `unsent`: not made',
  }),
  reason: Type.Optional(BindWithheld.properties.reason),
})
export type BindResult = Static<typeof BindResult>

/** One permitted bind. */
export interface BindAttempt {
  /** With digests of another key, so perhaps of the account. */
  isForeign: boolean
  auditId: string
  credential: string
  vantage: string
  host: string
  port: number
  startedAt: Date
  /** Without an outcome by then, it has none. */
  leasedUntil: Date
  outcome: BindOutcome | null
  reason: string | null
}

type Refusal = Extract<BindDecision, { permitted: false }>

const hourMs = 3_600_000
/** How long a bind whose account cannot be compared counts in other audits. */
export const foreignBindsCountMs = hourMs
const longestBackOffMs = 7 * 24 * hourMs
/** Refusals of an account within an hour; a third could lock it. */
const maxRefusalsInHour = 2

/**
 * Decides whether an account may bind, by what became of its binds, newest first; undefined: it may. Pure.
 * - One bind of an account runs at a time.
 * - After a bind that was not accepted, the account makes no other in the audit.
 * - A refused credential waits for an hour, and twice as long after each further refusal, up to a week.
 * - A changed credential need not wait, unless two binds of the account were refused within the hour.
 * - A foreign bind counts as one of the account in the audit, and otherwise for an hour.
 */
export function withholdBind(
  attempts: readonly BindAttempt[],
  { auditId, credential }: { auditId: string; credential: string },
  now: Date,
): Refusal | undefined {
  const running = attempts.find(({ outcome, leasedUntil }) => outcome === null && leasedUntil > now)
  if (running) return refusalOf(running, { auditId, isRunning: true })
  const first = attempts.findLast((one) => one.auditId === auditId && one.outcome !== 'accepted')
  if (first) return refusalOf(first, { auditId })
  const own = attempts.filter(({ isForeign }) => !isForeign)
  const [refused, ...earlier] = failuresOf(own.filter((one) => one.credential === credential))
  if (refused) {
    const waitMs = Math.min(hourMs * 2 ** earlier.length, longestBackOffMs)
    const until = new Date(refused.startedAt.getTime() + waitMs)
    if (until > now) return refusalOf(refused, { auditId, until })
  }
  const within = new Date(now.getTime() - hourMs)
  const foreign = failuresOf(attempts.filter((one) => one.isForeign))[0]
  const last = [foreign, failuresOf(own)[maxRefusalsInHour - 1]].find((one) => one && one.startedAt > within)
  return last && refusalOf(last, { auditId, until: new Date(last.startedAt.getTime() + hourMs) })
}

/** Those that a directory may have counted as failed logons since the last accepted one. */
function failuresOf(attempts: readonly BindAttempt[]): BindAttempt[] {
  const accepted = attempts.findIndex(({ outcome }) => outcome === 'accepted')
  const since = accepted === -1 ? attempts : attempts.slice(0, accepted)
  return since.filter(({ outcome }) => outcome !== 'harmless')
}

/** Names the host to readers of the same audit only: others may not see the targets of that one. */
function refusalOf(
  { auditId, vantage, host, port, reason, outcome }: BindAttempt,
  { auditId: current, until, isRunning = false }: { auditId: string; until?: Date; isRunning?: boolean },
): Refusal {
  const isSettled = outcome === 'refused' || outcome === 'harmless'
  const where = auditId === current ? { vantage, host, port } : { vantage, auditId }
  return {
    permitted: false,
    reason: isSettled ? 'credential-withheld' : 'credential-unsettled',
    isRunning,
    withheld: { ...where, ...(reason !== null && { reason }), ...(until && { until: until.toISOString() }) },
  }
}
