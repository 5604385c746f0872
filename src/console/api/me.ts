import type { Static } from 'typebox'
import type { Me as MeSchema } from '../../api/routes/sessions/schemas.ts'

/** Who is signed in. */
export type Me = Static<typeof MeSchema>

/** Whether a person has one of the scopes, or is an administrator. */
export const mayAny = (me: Me | undefined, ...scopes: string[]): boolean =>
  me !== undefined && (me.scopes.includes('admin') || scopes.some((scope) => me.scopes.includes(scope)))
