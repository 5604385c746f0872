/** From `from` until before `until`, in epoch milliseconds. */
export interface Permission {
  id: string
  rules: readonly string[]
  targetId: number
  from: number
  until: number
}

/** When a permission applies; undefined for never. */
type PermittedTime = { from: Date; until: Date } | undefined

/** The longest permission for a rule and target at an instant. */
export function permissionAt<P extends Permission>(
  permissions: readonly P[],
  { rule, targetId, at }: { rule: string; targetId: number; at: number },
): P | undefined {
  return permissions
    .filter((one) => one.targetId === targetId && one.rules.includes(rule) && one.from <= at && at < one.until)
    .reduce<P | undefined>((longest, one) => (longest && longest.until >= one.until ? longest : one), undefined)
}

/** The effective time of a permission, with a late approval and an early end. */
export function permittedTime(
  { from, until }: { from: Date; until: Date },
  { approvedAt, endedAt }: { approvedAt: Date | null; endedAt: Date | null },
): PermittedTime {
  if (!approvedAt) return undefined
  const time = { from: approvedAt > from ? approvedAt : from, until: endedAt && endedAt < until ? endedAt : until }
  return time.from < time.until ? time : undefined
}
