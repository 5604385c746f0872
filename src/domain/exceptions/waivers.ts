import type { ValidationIssue } from '../errors.ts'

export const waiverStates = ['requested', 'active', 'expired', 'revoked'] as const
export type WaiverState = (typeof waiverStates)[number]

/** What is wrong with the end of a waiver that is asked for now. */
export function checkExpiry(expiresAt: Date, now: Date): ValidationIssue[] {
  if (expiresAt <= now) return [{ pointer: '/expiresAt', message: 'must be in the future' }]
  if (expiresAt > yearAfter(now)) return [{ pointer: '/expiresAt', message: 'must be within a year' }]
  return []
}

/** The same day and time of the next year; the first of March for the 29th of February. */
function yearAfter(now: Date): Date {
  const then = new Date(now)
  then.setUTCFullYear(then.getUTCFullYear() + 1)
  return then
}

/** How a waiver stands at a moment. */
export function waiverState(
  { approvedAt, expiresAt, revokedAt }: { approvedAt: Date | null; expiresAt: Date; revokedAt: Date | null },
  now: Date,
): WaiverState {
  if (revokedAt && revokedAt <= now) return 'revoked'
  if (expiresAt <= now) return 'expired'
  return approvedAt && approvedAt <= now ? 'active' : 'requested'
}
