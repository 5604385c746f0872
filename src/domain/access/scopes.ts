/** The scopes of keys, besides `vantage:NAME` of agents. */
export const scopes = [
  'audits:run',
  'targets:write',
  'policies:write',
  'reports:read',
  'windows:approve',
  'waivers:approve',
  'admin',
] as const
type Scope = (typeof scopes)[number]

/** The scopes that a limited key may have. */
export const limitableScopes: readonly string[] = [
  'audits:run',
  'targets:write',
  'reports:read',
  'windows:approve',
  'waivers:approve',
] satisfies Scope[]

export const scopePattern = `^(${scopes.join('|')}|vantage:[a-z0-9]([a-z0-9-]*[a-z0-9])?)$`

/** One scope, any of several, or `vantage:NAME` by path; `none`: every valid key may call it. */
export type Need = Scope | readonly Scope[] | 'vantage' | 'none'

/** The scopes of which one suffices; `admin` always does. */
export function scopesFor(need: Need, vantage = 'NAME'): string[] {
  if (need === 'none') return []
  return [...(need === 'vantage' ? [`vantage:${vantage}`] : [need].flat()), ...(need === 'admin' ? [] : ['admin'])]
}

/** Whether the held scopes suffice for an operation. */
export const allows = (held: readonly string[], need: Need, vantage?: string): boolean =>
  need === 'none' || held.includes('admin') || scopesFor(need, vantage).some((scope) => held.includes(scope))
