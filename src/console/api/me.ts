/** Who is signed in, as `GET /v1/me` says it. */
export interface Me {
  id: string
  name: string
  kind: 'key' | 'oidc'
  scopes: string[]
  /** The labels to which the key is limited; null is every target. */
  targets: Record<string, string> | null
  expiresAt: string | null
  version: string
}

/** Whether a person has one of the scopes, or is an administrator. */
export const mayAny = (me: Me | undefined, ...scopes: string[]): boolean =>
  me !== undefined && (me.scopes.includes('admin') || scopes.some((scope) => me.scopes.includes(scope)))
