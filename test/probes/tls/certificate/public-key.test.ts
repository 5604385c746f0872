import { createHash, X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import { describeKey } from '../../../../src/probes/tls/certificate/public-key.ts'
import { describeWithPeers } from '../../../support/peers/available.ts'
import { mustRun } from '../../../support/processes.ts'

const curve = (name: string, ...more: string[]) => ['EC', `ec_paramgen_curve:${name}`, ...more]

describeWithPeers(['openssl'], 'a public key', () => {
  test.each([
    { key: ['RSA', 'rsa_keygen_bits:1024'], type: 'rsa', bits: 1024 },
    { key: ['RSA', 'rsa_keygen_bits:1023'], type: 'rsa', bits: 1023 },
    { key: ['RSA', 'rsa_keygen_bits:2048'], type: 'rsa', bits: 2048 },
    { key: ['RSA-PSS', 'rsa_keygen_bits:1024', 'rsa_pss_keygen_md:sha256'], type: 'rsa-pss', bits: 1024 },
    { key: curve('P-256'), type: 'ec', bits: 256 },
    { key: curve('P-384'), type: 'ec', bits: 384 },
    { key: curve('P-521'), type: 'ec', bits: 521 },
    { key: curve('P-224'), type: 'ec', bits: 224 },
    { key: curve('secp256k1'), type: 'ec', bits: 256 },
    { key: curve('brainpoolP384r1'), type: 'ec', bits: 384 },
    { key: curve('P-256', 'ec_param_enc:explicit'), type: 'ec', bits: 256 },
    { key: ['ED25519'], type: 'ed25519', bits: undefined },
    { key: ['ED448'], type: 'ed448', bits: undefined },
  ])('of $key.0 $key.1 has the type, size and fingerprint that OpenSSL gives', async ({ key, type, bits }) => {
    const [algorithm = '', ...options] = key
    const made = ['-newkey', algorithm, ...options.flatMap((option) => ['-pkeyopt', option])]
    const pem = await mustRun('openssl', [
      'req',
      '-x509',
      '-nodes',
      ...made,
      '-keyout',
      '/dev/null',
      '-subj',
      '/CN=a.test',
    ])
    const spki = await mustRun('openssl', ['x509', '-noout', '-pubkey'], { input: pem })
    const der = Buffer.from(spki.replaceAll(/-----.+-----/g, ''), 'base64')
    const sha256 = createHash('sha256').update(der).digest('hex')
    expect(describeKey(new X509Certificate(pem))).toEqual({ type, bits, sha256 })
  })
})
