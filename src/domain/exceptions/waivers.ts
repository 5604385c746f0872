import type { ValidationIssue } from '../errors.ts'

export const waiverStates = ['requested', 'rejected', 'active', 'expired', 'revoked'] as const
export type WaiverState = (typeof waiverStates)[number]

/** The issues of the requested expiry. */
export function checkExpiry(expiresAt: Date, now: Date): ValidationIssue[] {
  if (expiresAt <= now) return [{ pointer: '/expiresAt', message: 'must be in the future' }]
  if (expiresAt > yearAfter(now)) return [{ pointer: '/expiresAt', message: 'must be within a year' }]
  return []
}

/** One year later; March 1st for February 29th. */
function yearAfter(now: Date): Date {
  const then = new Date(now)
  then.setUTCFullYear(then.getUTCFullYear() + 1)
  return then
}

interface WaiverTimes {
  approvedAt: Date | null
  expiresAt: Date
  revokedAt: Date | null
  rejected: boolean
}

export function waiverState({ approvedAt, expiresAt, revokedAt, rejected }: WaiverTimes, now: Date): WaiverState {
  if (revokedAt && revokedAt <= now) return rejected ? 'rejected' : 'revoked'
  if (expiresAt <= now) return 'expired'
  return approvedAt && approvedAt <= now ? 'active' : 'requested'
}
