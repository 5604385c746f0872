import type { Database } from '../db/database.ts'

/** Remembers what a POST with an Idempotency-Key made (draft-ietf-httpapi-idempotency-key-header). */
export function createIdempotencyStore(db: Database) {
  return {
    /**
     * Claims the key for this request inside the caller's transaction. Another claim of the same key waits for that
     * transaction to end. Returns the earlier claim of the key, if there is one.
     */
    async claim(claim: { apiKeyId: string; key: string; bodyDigest: string; resource: string }) {
      const made = await db.idempotentRequest.createMany({ data: claim, skipDuplicates: true })
      if (made.count === 1) return undefined
      const { apiKeyId, key } = claim
      return db.idempotentRequest.findUniqueOrThrow({ where: { apiKeyId_key: { apiKeyId, key } } })
    },
  }
}
