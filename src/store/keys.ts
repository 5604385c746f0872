import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Database } from './database.ts'

/** Who calls: the key that was shown. */
export interface Caller {
  keyId: string
  scopes: string[]
}

export type KeyStore = ReturnType<typeof createKeyStore>

/** API keys `pw_<id>_<secret>`. Only the SHA-256 of the secret is stored: it has 256 bits, so a slow hash would add nothing. */
export function createKeyStore(db: Database) {
  return {
    /** Makes a key and answers it whole: this is the only time that it can be seen. */
    async create(name: string, scopes: string[]): Promise<string> {
      const id = randomBytes(6).toString('hex')
      const secret = randomBytes(32).toString('base64url')
      await db.apiKey.create({ data: { id, name, scopes, secretSha256: sha256(secret) } })
      return `pw_${id}_${secret}`
    },

    async authenticate(key: string): Promise<Caller | undefined> {
      const [, id, secret] = /^pw_([0-9a-f]{12})_([A-Za-z0-9_-]{43})$/.exec(key) ?? []
      if (!id || !secret) return undefined
      const row = await db.apiKey.findUnique({ where: { id } })
      if (!row || !timingSafeEqual(row.secretSha256, sha256(secret))) return undefined
      return { keyId: id, scopes: row.scopes }
    },

    async exists(name: string): Promise<boolean> {
      return (await db.apiKey.count({ where: { name } })) > 0
    },
  }
}

const sha256 = (text: string) => new Uint8Array(createHash('sha256').update(text).digest())
