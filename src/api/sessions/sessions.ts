import type { FastifyRequest } from 'fastify'
import type { SessionTimes } from '../../operations/access/start-session.ts'
import type { Caller } from '../../store/access/keys.ts'
import type { Session } from '../../store/access/sessions.ts'
import { everything } from '../../store/query/target-scope.ts'
import type { View } from '../context.ts'
import { isBackground, isSameOrigin, readCookie } from './browser.ts'

export interface SessionSettings extends SessionTimes {
  /** Whether clients reach the service over TLS. */
  overTls: boolean
  /** Where a proxy publishes the service. */
  publicOrigin: string | undefined
  /** Whether an issuer is configured; without one its persons are strangers. */
  hasIssuer: boolean
}

export type Sessions = ReturnType<typeof createSessions>

/** Finds the sessions of browsers by their cookies. */
export function createSessions({ stores, now }: View, settings: SessionSettings) {
  const callerOf = async (session: Session): Promise<Caller | undefined> => {
    if (!session.caller.startsWith('oidc:')) return stores.keys.callerOf(session.caller, now())
    if (!settings.hasIssuer) return undefined
    return { keyId: session.caller, scopes: session.scopes, targetScope: everything }
  }
  return {
    settings,

    /** The secret that the request shows; undefined if there is none, or if a page of another origin sent it. */
    secretOf: (request: FastifyRequest): string | undefined =>
      isSameOrigin(request, settings.publicOrigin) ? readCookie(request, 'session', settings.overTls) : undefined,

    /** The session and its caller, as long as both are valid. */
    async find(secret: string): Promise<{ session: Session; caller: Caller } | undefined> {
      const session = await stores.sessions.findBySecret(secret, now())
      const caller = session && (await callerOf(session))
      return session && caller && { session, caller }
    },

    /** Keeps the session alive, unless the page sent the request by itself. */
    async noteUse(request: FastifyRequest, session: Session): Promise<void> {
      if (isBackground(request)) return
      // A use that is not noted only ends the session earlier; the request itself was allowed.
      await stores.sessions.noteUse(session, now(), settings.idleMs).catch(() => {})
    },
  }
}

const recentMs = 15 * 60_000

/** Whether the person has proven who it is within the last 15 minutes. */
export const isRecent = ({ signedInAt }: Session, now: Date): boolean =>
  signedInAt !== null && now.getTime() - signedInAt.getTime() < recentMs

/** RFC 9470: the sign-in is too old for this operation. */
export const signInAgain = `Bearer error="insufficient_user_authentication", max_age="${recentMs / 1000}"`
