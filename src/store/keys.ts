import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Database } from './database.ts'
import type { ApiKey as Row } from './generated/client.ts'
import { aTime, cutPage, decodeCursor, type Page } from './page.ts'

/** Who calls: the key that was shown. */
export interface Caller {
  keyId: string
  scopes: string[]
}

/** A key as it is shown after its making: without its secret. */
export interface Key {
  id: string
  name: string
  scopes: string[]
  createdAt: string
  /** Since when it opens nothing any more. */
  revokedAt: string | null
}

export type KeyStore = ReturnType<typeof createKeyStore>

/** API keys `pw_<id>_<secret>`. Only the SHA-256 of the secret is stored: it has 256 bits, so a slow hash would add nothing. */
export function createKeyStore(db: Database) {
  return {
    /** Makes a key and answers it whole: this is the only time that it can be seen. */
    async create(name: string, scopes: string[], id = newKeyId()): Promise<string> {
      const secret = randomBytes(32).toString('base64url')
      await db.apiKey.create({ data: { id, name, scopes, secretSha256: sha256(secret) } })
      return `pw_${id}_${secret}`
    },

    async authenticate(key: string): Promise<Caller | undefined> {
      const [, id, secret] = /^pw_([0-9a-f]{12})_([A-Za-z0-9_-]{43})$/.exec(key) ?? []
      if (!id || !secret) return undefined
      const row = await db.apiKey.findUnique({ where: { id } })
      if (!row || row.revokedAt || !timingSafeEqual(row.secretSha256, sha256(secret))) return undefined
      return { keyId: id, scopes: row.scopes }
    },

    async find(id: string): Promise<Key | undefined> {
      const row = await db.apiKey.findUnique({ where: { id } })
      return row ? fromRow(row) : undefined
    },

    /** Newest first, the revoked ones too: what they did is on record under their ids. */
    async list({ cursor, limit }: { cursor?: string; limit: number }): Promise<Page<Key>> {
      const last = decodeCursor<[string, string]>(cursor, [aTime, ''])
      const rows = await db.apiKey.findMany({
        where: last && olderThan(new Date(last[0]), last[1]),
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
        take: limit + 1,
      })
      return cutPage(rows, limit, { keyOf: (row) => [row.createdAt.toISOString(), row.id], toItem: fromRow })
    },

    /** Closes the door to a key for ever; false where it was revoked before, or is not there. */
    async revoke(id: string): Promise<boolean> {
      return (await db.apiKey.updateMany({ where: { id, revokedAt: null }, data: { revokedAt: new Date() } })).count > 0
    },

    async exists(name: string): Promise<boolean> {
      return (await db.apiKey.count({ where: { name, revokedAt: null } })) > 0
    },
  }
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
  createdAt: row.createdAt.toISOString(),
  revokedAt: row.revokedAt?.toISOString() ?? null,
})

const sha256 = (text: string) => new Uint8Array(createHash('sha256').update(text).digest())
