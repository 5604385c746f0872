/** The value; throws for a missing one, which only a bug can cause. `name` says what is missing. */
export function required<T>(value: T | null | undefined, name: string): T {
  if (value === null || value === undefined) throw new Error(`${name} is missing`)
  return value
}
