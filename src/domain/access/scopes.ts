/** What a key may do. `vantage:NAME` stands beside them: the work of the agent of that vantage. */
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

/** What a key may do that is limited to targets with labels; the rest is about everybody's targets. */
export const limitableScopes: readonly string[] = [
  'audits:run',
  'targets:write',
  'reports:read',
  'windows:approve',
  'waivers:approve',
] satisfies Scope[]

export const scopePattern = `^(${scopes.join('|')}|vantage:[a-z0-9]([a-z0-9-]*[a-z0-9])?)$`

/** What an operation needs: a scope, any of several, or `vantage`: that of the vantage that its path names. */
export type Need = Scope | readonly Scope[] | 'vantage'

/** The scopes of which one is enough; `admin` always is. */
export const scopesFor = (need: Need, vantage = 'NAME'): string[] => [
  ...(need === 'vantage' ? [`vantage:${vantage}`] : [need].flat()),
  ...(need === 'admin' ? [] : ['admin']),
]

/** Whether one of the scopes that somebody has is enough for an operation. */
export const allows = (held: readonly string[], need: Need, vantage?: string): boolean =>
  held.includes('admin') || scopesFor(need, vantage).some((scope) => held.includes(scope))
