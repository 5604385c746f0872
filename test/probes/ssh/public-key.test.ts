import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readCertificate } from '../../../src/probes/ssh/certificate.ts'
import { encodeString, encodeText } from '../../../src/probes/ssh/fields.ts'
import { encodePublicKey, fieldsOf, type KeyType, readPublicKey } from '../../../src/probes/ssh/public-key.ts'
import { isSignedBy } from '../../../src/probes/ssh/signature.ts'
import { openSntrup761 } from '../../../src/probes/ssh/sntrup761.ts'

const types = [
  'ssh-ed25519',
  'ssh-ed448',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'ssh-rsa',
  'ssh-dss',
] as const satisfies KeyType[]
const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((value) => Buffer.from(value))

describe('keys and signatures of any bytes', () => {
  test.each(types)('never throw as %s', (type) => {
    fc.assert(
      fc.property(
        fc.array(bytes(140), { minLength: fieldsOf(type), maxLength: fieldsOf(type) }),
        fc.oneof(
          bytes(200),
          bytes(140).map((value) => Buffer.concat([encodeText(type), encodeString(value)])),
        ),
        (fields, signature) => {
          const key = readPublicKey(encodePublicKey(type, fields))
          if (key) expect(isSignedBy(key, signature, Buffer.from('signed'))).toBe(false)
        },
      ),
    )
  })

  test('are no certificate', () => {
    fc.assert(
      fc.property(bytes(400), (rest) => {
        const blob = Buffer.concat([encodeText('ssh-ed25519-cert-v01@openssh.com'), rest])
        expect(readCertificate(blob, 'ssh-ed25519')).toBeUndefined()
      }),
    )
  })

  test('are no ciphertext of sntrup761', () => {
    const { ciphertextBytes } = openSntrup761
    const any = fc.uint8Array({ minLength: ciphertextBytes - 1, maxLength: ciphertextBytes + 1 })
    fc.assert(
      fc.property(any, (ciphertext) => {
        expect(openSntrup761.decapsulate(Buffer.from(ciphertext))).toBeUndefined()
      }),
    )
  })
})

// Each as large as a packet allows, or as OpenSSL still computes with.
test.each([
  ['ssh-rsa', 16_384],
  ['ssh-rsa', 1_000_000],
  ['ssh-dss', 10_000],
  ['ssh-dss', 500_000],
] as const)('a key %s with numbers of %i bits costs little time', (type, bits) => {
  const odd = Buffer.alloc(bits / 8, 0x7f)
  const fields = type === 'ssh-rsa' ? [odd, odd] : [odd, Buffer.alloc(20, 0x7f), odd, odd]
  const signature = Buffer.concat([encodeText(type), encodeString(type === 'ssh-rsa' ? odd : Buffer.alloc(40, 0x7f))])
  const startedAt = process.cpuUsage()
  const key = readPublicKey(encodePublicKey(type, fields))
  if (key) expect(isSignedBy(key, signature, Buffer.from('signed'))).toBe(false)
  const { user, system } = process.cpuUsage(startedAt)
  expect((user + system) / 1_000).toBeLessThan(1_000)
})
