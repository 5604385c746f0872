import { decapsulate, generateKeyPairSync } from 'node:crypto'

/** Our half of a key encapsulation. */
export interface Kem {
  publicKey: Buffer
  ciphertextBytes: number
  /** The encapsulated secret; undefined if the ciphertext is malformed. */
  decapsulate(ciphertext: Buffer): Buffer | undefined
}

const mlKems = {
  'ml-kem-768': { publicKeyBytes: 1184, ciphertextBytes: 1088 },
  'ml-kem-1024': { publicKeyBytes: 1568, ciphertextBytes: 1568 },
} as const

/** FIPS 203, by OpenSSL. */
export function createMlKem(parameters: keyof typeof mlKems): Kem {
  const { publicKeyBytes, ciphertextBytes } = mlKems[parameters]
  const { privateKey, publicKey } =
    parameters === 'ml-kem-768' ? generateKeyPairSync('ml-kem-768') : generateKeyPairSync('ml-kem-1024')
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'der' }).subarray(-publicKeyBytes),
    ciphertextBytes,
    decapsulate(ciphertext) {
      try {
        return decapsulate(privateKey, ciphertext)
      } catch {
        return undefined // a wrong length
      }
    },
  }
}
