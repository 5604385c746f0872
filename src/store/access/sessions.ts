import { hash, randomBytes } from 'node:crypto'
import { v7 as newUuid } from 'uuid'
import type { Database } from '../db/database.ts'
import { sweep } from '../db/statements.ts'
import type { Session as Row } from '../generated/client.ts'
import { aTime, aUuid, cutPage, decodeCursor, type Page, type PageRequest } from '../query/cursor-page.ts'

/** A browser in which a person is signed in. */
export interface Session {
  /** Names the session; opens nothing. */
  id: string
  /** The id of the API key, or `oidc:SUB`. */
  caller: string
  name: string
  /** Those of a token at the sign-in; empty for a key. */
  scopes: string[]
  createdAt: Date
  /** When the person has proven who it is; null: not known. */
  signedInAt: Date | null
  /** To the minute. */
  lastUsedAt: Date
  /** Without use it ends then. */
  idleEndsAt: Date
  endsAt: Date
}

export type NewSession = Pick<Session, 'caller' | 'name' | 'scopes' | 'createdAt' | 'signedInAt' | 'endsAt'> & {
  idleMs: number
}

/** Sessions. Only the SHA-256 of the secret in the cookie is stored: it has 256 bits, so a slow hash would add nothing. */
export function createSessionStore(db: Database) {
  return {
    /** Returns the new session and its secret. */
    async create({ idleMs, ...session }: NewSession): Promise<{ session: Session; secret: string }> {
      const secret = randomBytes(32).toString('base64url')
      const { createdAt } = session
      const times = { lastUsedAt: createdAt, idleEndsAt: new Date(createdAt.getTime() + idleMs) }
      const data = { id: newUuid(), ...session, ...times, secretSha256: sha256(secret) }
      return { session: fromRow(await db.session.create({ data })), secret }
    },

    /** The session that has not ended. */
    async findBySecret(secret: string, now: Date): Promise<Session | undefined> {
      const row = await db.session.findUnique({ where: { secretSha256: sha256(secret), ...isOpen(now) } })
      return row ? fromRow(row) : undefined
    },

    /** Notes a use, once a minute at most, so that the session does not end for want of use. */
    async noteUse({ id, lastUsedAt }: Session, now: Date, idleMs: number): Promise<void> {
      const minuteAgo = new Date(now.getTime() - 60_000)
      if (lastUsedAt > minuteAgo) return
      const data = { lastUsedAt: now, idleEndsAt: new Date(now.getTime() + idleMs) }
      await db.session.updateMany({ where: { id, lastUsedAt: { lte: minuteAgo } }, data })
    },

    /** Those that have not ended, newest first. */
    async list({ cursor, limit }: Partial<PageRequest> & { limit: number }, now: Date): Promise<Page<Session>> {
      const last = decodeCursor<[string, string]>(cursor, [aTime, aUuid])
      const rows = await db.session.findMany({
        where: { AND: [isOpen(now), last ? olderThan(new Date(last[0]), last[1]) : {}] },
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
        take: limit + 1,
      })
      return cutPage(rows, limit, { keyOf: (row) => [row.createdAt.toISOString(), row.id], toItem: fromRow })
    },

    /** Ends a session; false if there is none. */
    end: async (id: string): Promise<boolean> => (await db.session.deleteMany({ where: { id } })).count > 0,

    /** Ends the sessions of a caller. */
    async endOf(caller: string): Promise<void> {
      await db.session.deleteMany({ where: { caller } })
    },

    async dropEnded(): Promise<void> {
      await sweep(db)`DELETE FROM session WHERE least(ends_at, idle_ends_at) < now()`
    },
  }
}

const isOpen = (now: Date) => ({ endsAt: { gt: now }, idleEndsAt: { gt: now } })

const olderThan = (createdAt: Date, id: string) => ({
  OR: [{ createdAt: { lt: createdAt } }, { createdAt, id: { lt: id } }],
})

const fromRow = ({ secretSha256: _secret, ...session }: Row): Session => session

const sha256 = (text: string) => hash('sha256', text, 'buffer')
