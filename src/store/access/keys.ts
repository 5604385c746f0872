import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { timeOfChange } from '../db/clock.ts'
import type { Database } from '../db/database.ts'
import type { ApiKey as Row } from '../generated/client.ts'
import { aTime, cutPage, decodeCursor, type Page } from '../query/cursor-page.ts'
import { everything, type TargetScope } from '../query/target-scope.ts'
import { createKnownKeys } from './key-cache.ts'

/** Who calls. */
export interface Caller {
  /** The id of the API key, or `oidc:SUB` for a token. Records name requesters and approvers by it. */
  keyId: string
  scopes: string[]
  /** Of which targets it may know. */
  targetScope: TargetScope
}

/** A key without its secret. */
export interface Key {
  id: string
  name: string
  scopes: string[]
  targetScope: TargetScope
  createdAt: string
  /** When it ceases to open anything; null: never. */
  expiresAt: string | null
  /** To the minute. */
  lastUsedAt: string | null
  /** Since when it opens nothing any more. */
  revokedAt: string | null
}

/** API keys `pw_<id>_<secret>`. Only the SHA-256 of the secret is stored: it has 256 bits, so a slow hash would add nothing. */
export function createKeyStore(db: Database, known = createKnownKeys()) {
  return {
    /** Returns the new key, of which only the digest is stored. */
    async create(
      name: string,
      scopes: string[],
      { id = newKeyId(), targetScope = everything, expiresAt = null }: KeyChoices = {},
    ): Promise<string> {
      const secret = randomBytes(32).toString('base64url')
      await db.apiKey.create({ data: { id, name, scopes, secretSha256: sha256(secret), targetScope, expiresAt } })
      return `pw_${id}_${secret}`
    },

    /** The caller of a valid key. */
    async authenticate(key: string, now: Date): Promise<Caller | undefined> {
      const [, id, secret] = /^pw_([0-9a-f]{12})_([A-Za-z0-9_-]{43})$/.exec(key) ?? []
      if (!id || !secret) return undefined
      const row = await known.find(id, now, async () => db.apiKey.findUnique({ where: { id } }))
      const isRight = timingSafeEqual(row?.secretSha256 ?? noSecret, sha256(secret))
      return row && isRight ? use(row, now) : undefined
    },

    /** The caller of a key that was shown before, at a sign-in; undefined if the key is no longer valid. */
    async callerOf(id: string, now: Date): Promise<Caller | undefined> {
      const row = await known.find(id, now, async () => db.apiKey.findUnique({ where: { id } }))
      return row ? use(row, now) : undefined
    },

    async find(id: string): Promise<Key | undefined> {
      const row = await db.apiKey.findUnique({ where: { id } })
      return row ? fromRow(row) : undefined
    },

    /** Newest first, with revoked keys, which records still name. */
    async list({ cursor, limit }: { cursor?: string; limit: number }): Promise<Page<Key>> {
      const last = decodeCursor<[string, string]>(cursor, [aTime, ''])
      const rows = await db.apiKey.findMany({
        where: last && olderThan(new Date(last[0]), last[1]),
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
        take: limit + 1,
      })
      return cutPage(rows, limit, { keyOf: (row) => [row.createdAt.toISOString(), row.id], toItem: fromRow })
    },

    /** False if it was revoked before or does not exist. */
    async revoke(id: string): Promise<boolean> {
      const data = { revokedAt: await timeOfChange(db) }
      return (await db.apiKey.updateMany({ where: { id, revokedAt: null }, data })).count > 0
    },

    async exists(name: string): Promise<boolean> {
      return (await db.apiKey.count({ where: { name, revokedAt: null } })) > 0
    },
  }

  async function use(row: Row, now: Date): Promise<Caller | undefined> {
    if (row.revokedAt || (row.expiresAt && row.expiresAt <= now)) return undefined
    const minuteAgo = new Date(now.getTime() - 60_000)
    if (!row.lastUsedAt || row.lastUsedAt < minuteAgo) {
      row.lastUsedAt = now // as the others see it who share the row
      await noteUse(row.id, { now, minuteAgo })
    }
    return { keyId: row.id, scopes: row.scopes, targetScope: row.targetScope as TargetScope }
  }

  // One of many concurrent requests writes.
  async function noteUse(id: string, { now, minuteAgo }: { now: Date; minuteAgo: Date }): Promise<void> {
    const where = { id, OR: [{ lastUsedAt: null }, { lastUsedAt: { lt: minuteAgo } }] }
    await db.apiKey.updateMany({ where, data: { lastUsedAt: now } }).catch(() => {}) // the key stays valid
  }
}

/** What a key need not have. */
interface KeyChoices {
  id?: string
  targetScope?: TargetScope
  expiresAt?: Date | null
}

/** The public part of a key. */
export const newKeyId = (): string => randomBytes(6).toString('hex')

const olderThan = (createdAt: Date, id: string) => ({
  OR: [{ createdAt: { lt: createdAt } }, { createdAt, id: { lt: id } }],
})

const fromRow = (row: Row): Key => ({
  id: row.id,
  name: row.name,
  scopes: row.scopes,
  targetScope: row.targetScope as TargetScope,
  createdAt: row.createdAt.toISOString(),
  expiresAt: row.expiresAt?.toISOString() ?? null,
  lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
  revokedAt: row.revokedAt?.toISOString() ?? null,
})

/** Makes an unknown id take as long as a wrong secret. */
const noSecret = new Uint8Array(32)

const sha256 = (text: string) => hash('sha256', text, 'buffer')
