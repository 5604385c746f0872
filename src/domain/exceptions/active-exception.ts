/** What permits something of rules and a target between two instants, in milliseconds; `until` itself is outside. */
export interface Permission {
  id: string
  rules: readonly string[]
  targetId: number
  from: number
  until: number
}

/** The stretch of time in which a permission counts; undefined where there is none. */
type PermittedTime = { from: Date; until: Date } | undefined

/** The permission that covers a rule and a target at an instant; of several, the one that lasts longest. */
export function permissionAt<P extends Permission>(
  permissions: readonly P[],
  { rule, targetId, at }: { rule: string; targetId: number; at: number },
): P | undefined {
  return permissions
    .filter((one) => one.targetId === targetId && one.rules.includes(rule) && one.from <= at && at < one.until)
    .reduce<P | undefined>((longest, one) => (longest && longest.until >= one.until ? longest : one), undefined)
}

/** From when to when something counts that was approved, perhaps late, and perhaps taken back before its end. */
export function permittedTime(
  { from, until }: { from: Date; until: Date },
  { approvedAt, endedAt }: { approvedAt: Date | null; endedAt: Date | null },
): PermittedTime {
  if (!approvedAt) return undefined
  const time = { from: approvedAt > from ? approvedAt : from, until: endedAt && endedAt < until ? endedAt : until }
  return time.from < time.until ? time : undefined
}
