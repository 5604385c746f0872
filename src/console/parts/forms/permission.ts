import { mayAny } from '../../api/me.ts'
import { me } from '../../api/session.ts'
import { at } from '../../url/location.ts'

/** Why the person can change nothing here now; undefined with one of the scopes, in the present. */
export function whyNotAllowed(...scopes: string[]): string | undefined {
  if (!mayAny(me.value, ...scopes)) return `Needs the scope ${scopes.join(' or ')}`
  return at.value ? 'The page shows the past: go back to now first' : undefined
}
