import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { SealKeys } from '../../domain/webhooks/seal-keys.ts'

/** Encrypts secrets, so that the database alone does not reveal them. `bound` names the owner: a secret opens for it only. */
export interface Seal {
  /** Seals with the newest key. */
  close(text: string, bound: string): Uint8Array
  /** Opens with any of the keys; throws for another key, another owner, or a changed text. */
  open(sealed: Uint8Array, bound: string): string
  /** Whether only an older key opens it. */
  isOutdated(sealed: Uint8Array, bound: string): boolean
}

const ivBytes = 12
const tagBytes = 16

/** AES-256-GCM with keys of 32 bytes; the sealed text is nonce, tag and cipher text. */
export function createSeal(findKeys: () => SealKeys): Seal {
  let found: SealKeys | undefined
  const keys = () => {
    found ??= findKeys() // on first use: a service without secrets needs no key
    return found
  }
  const opened = (sealed: Uint8Array, bound: string): { text: string; isOutdated: boolean } => {
    const [newest, ...older] = keys()
    const text = openWith(newest, sealed, bound)
    if (text !== undefined) return { text, isOutdated: false }
    for (const key of older) {
      const text = openWith(key, sealed, bound)
      if (text !== undefined) return { text, isOutdated: true }
    }
    throw new Error('a secret of a webhook was sealed with another key, or changed')
  }
  return {
    close(text, bound) {
      const iv = randomBytes(ivBytes)
      const cipher = createCipheriv('aes-256-gcm', keys()[0], iv).setAAD(Buffer.from(bound))
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return new Uint8Array(Buffer.concat([iv, cipher.getAuthTag(), body]))
    },
    open: (sealed, bound) => opened(sealed, bound).text,
    isOutdated: (sealed, bound) => opened(sealed, bound).isOutdated,
  }
}

/** Undefined for another key or a changed text, which the tag shows. */
function openWith(key: Uint8Array, sealed: Uint8Array, bound: string): string | undefined {
  const [iv, tag] = [sealed.subarray(0, ivBytes), sealed.subarray(ivBytes, ivBytes + tagBytes)]
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: tagBytes })
    decipher.setAAD(Buffer.from(bound)).setAuthTag(tag)
    return Buffer.concat([decipher.update(sealed.subarray(ivBytes + tagBytes)), decipher.final()]).toString('utf8')
  } catch {
    return undefined
  }
}
