import type { Mistake } from './errors.ts'

export const waiverStates = ['requested', 'active', 'expired', 'revoked'] as const
export type WaiverState = (typeof waiverStates)[number]

const dayMs = 86_400_000
/** A year, leap years included. */
export const maxWaiverMs = 366 * dayMs

/** What is wrong with the end of a waiver that is asked for now. */
export function checkExpiry(expiresAt: Date, now: Date): Mistake[] {
  if (expiresAt <= now) return [{ pointer: '/expiresAt', message: 'must be in the future' }]
  if (expiresAt.getTime() - now.getTime() > maxWaiverMs)
    return [{ pointer: '/expiresAt', message: 'must be within a year' }]
  return []
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
