import { X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import { isWeaklySigned, signatureAlgorithmOf } from '../../../../src/probes/tls/certificate/signature.ts'
import { describeWithPeers } from '../../../support/peers/available.ts'
import { mustRun } from '../../../support/processes.ts'

const pss = ['-sigopt', 'rsa_padding_mode:pss']
const ec = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256']

describeWithPeers(['openssl'], 'the signature of a certificate', () => {
  test.each([
    { key: ['rsa:1024'], options: ['-sha256'], name: 'sha256WithRSAEncryption', weak: false },
    { key: ['rsa:1024'], options: ['-sha1'], name: 'sha1WithRSAEncryption', weak: true },
    { key: ['rsa:1024'], options: ['-md5'], name: 'md5WithRSAEncryption', weak: true },
    { key: ['rsa:1024'], options: ['-sha384', ...pss], name: 'RSASSA-PSS-SHA384', weak: false },
    { key: ['rsa:1024'], options: ['-sha1', ...pss], name: 'RSASSA-PSS-SHA1', weak: true },
    { key: ['rsa:1024'], options: ['-ripemd160'], name: 'ripemd160WithRSA', weak: true },
    { key: ['rsa:1024'], options: ['-sha3-256'], name: 'RSA-SHA3-256', weak: false },
    { key: ec, options: ['-sha256'], name: 'ecdsa-with-SHA256', weak: false },
    { key: ec, options: ['-sha1'], name: 'ecdsa-with-SHA1', weak: true },
    { key: ['ed25519'], options: [], name: 'ED25519', weak: false },
  ])('made with $name has its name', async ({ key, options, name, weak }) => {
    const args = ['-x509', '-nodes', '-newkey', ...key, '-keyout', '/dev/null', '-subj', '/CN=a.test', ...options]
    const certificate = new X509Certificate(await mustRun('openssl', ['req', ...args]))
    expect(signatureAlgorithmOf(certificate)).toBe(name)
    expect(isWeaklySigned(certificate)).toBe(weak)
  })
})
