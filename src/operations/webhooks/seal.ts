import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

/** Encrypts secrets, so that the database alone does not reveal them. `bound` names the owner: a secret opens for it only. */
export interface Seal {
  close(text: string, bound: string): Uint8Array
  /** Throws for another key, another owner, or a changed text. */
  open(sealed: Uint8Array, bound: string): string
}

const ivBytes = 12
const tagBytes = 16

/** AES-256-GCM with a key of 32 bytes; the sealed text is nonce, tag and cipher text. */
export function createSeal(findKey: () => Uint8Array): Seal {
  let found: Uint8Array | undefined
  const key = () => {
    found ??= findKey() // on first use: a service without secrets needs no key
    return found
  }
  return {
    close(text, bound) {
      const iv = randomBytes(ivBytes)
      const cipher = createCipheriv('aes-256-gcm', key(), iv).setAAD(Buffer.from(bound))
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return new Uint8Array(Buffer.concat([iv, cipher.getAuthTag(), body]))
    },
    open(sealed, bound) {
      const [iv, tag] = [sealed.subarray(0, ivBytes), sealed.subarray(ivBytes, ivBytes + tagBytes)]
      const decipher = createDecipheriv('aes-256-gcm', key(), iv, { authTagLength: tagBytes })
      decipher.setAAD(Buffer.from(bound)).setAuthTag(tag)
      return Buffer.concat([decipher.update(sealed.subarray(ivBytes + tagBytes)), decipher.final()]).toString('utf8')
    },
  }
}
