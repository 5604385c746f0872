import { X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import { describeCertificate, namesHost } from '../../../../src/probes/tls/certificate/certificate.ts'
import { describeWithPeers } from '../../../support/peers/available.ts'
import { mustRun } from '../../../support/processes.ts'

interface AuditSelection {
  subject?: string
  sans?: string
  key?: string[]
}

const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384']

describeWithPeers(['openssl'], 'a certificate', () => {
  async function make({ subject = '/CN=a.test', sans, key = ec }: AuditSelection) {
    const names = sans === undefined ? [] : ['-addext', `subjectAltName=${sans}`]
    const args = ['-x509', '-nodes', ...key, '-keyout', '/dev/null', '-utf8', '-subj', subject, ...names]
    const pem = await mustRun('openssl', ['req', ...args])
    const print = (...more: string[]) => mustRun('openssl', ['x509', '-noout', ...more], { input: pem })
    return { certificate: new X509Certificate(pem), print }
  }

  test.each([
    '/C=DE/O=Example, Inc./OU=a/OU=b/CN=host.test',
    '/DC=test/DC=lab/CN=#1 "best" <x>; \\\\ \\+ y ',
    '/CN=one/serialNumber=42/emailAddress=a@b.test',
  ])('the name %s is formatted like `openssl -nameopt RFC2253`', async (subject) => {
    const { certificate, print } = await make({ subject })
    const [, expected] = (await print('-subject', '-nameopt', 'RFC2253')).split(/^subject=(.*)\n/)
    expect(describeCertificate(certificate)?.subject).toBe(expected)
  })

  test('control bytes and letters beyond ASCII are escaped', async () => {
    const { certificate } = await make({ subject: '/CN=Zürich\u0007', sans: 'DNS:a.test' })
    expect(describeCertificate(certificate)?.subject).toBe('CN=Z\\xc3\\xbcrich\\07')
  })

  test('alternative names keep their type', async () => {
    const sans = 'DNS:a.test,DNS:*.b.test,IP:::1,IP:10.0.0.1,email:a@b.test,URI:http://a.test/x'
    const { certificate } = await make({ sans })
    const expected = ['DNS:a.test', 'DNS:*.b.test', 'IP:::1', 'IP:10.0.0.1', 'email:a@b.test', 'URI:http://a.test/x']
    expect(describeCertificate(certificate)?.sans).toEqual(expected)
  })

  test('a DNS name with a comma in it stays one name (CVE-2021-44532)', async () => {
    const name = Buffer.from('a.test, DNS:b.test')
    const der = Buffer.concat([Buffer.of(0x30, name.length + 2, 0x82, name.length), name])
    const { certificate } = await make({ sans: `DER:${der.toString('hex')}` })
    expect(describeCertificate(certificate)?.sans).toEqual([`DNS:${name}`])
  })

  test.each([
    [ec, 'ec', 384],
    [['-newkey', 'rsa:512'], 'rsa', 512],
    [['-newkey', 'ed25519'], 'ed25519', undefined],
  ])('a key of %j', async (key, type, bits) => {
    const { certificate } = await make({ key })
    expect(describeCertificate(certificate)?.publicKey).toMatchObject({ type, ...(bits && { bits }) })
    expect(describeCertificate(certificate)?.selfSigned).toBe(true)
  })

  test('a host is named by the alternative names only, and by whole wildcard labels', async () => {
    const sans = 'DNS:a.test,DNS:*.b.test,DNS:c*.d.test,DNS:10.0.0.9,IP:10.0.0.1,IP:2001:db8::1'
    const { certificate } = await make({ subject: '/CN=cn.test', sans })
    for (const host of ['a.test', 'A.TEST', 'a.test.', 'x.b.test', '10.0.0.1', '2001:db8::1', '2001:db8:0::1']) {
      expect([host, namesHost(certificate, host)]).toEqual([host, true])
    }
    for (const host of ['cn.test', 'b.test', 'x.y.b.test', 'cx.d.test', '10.0.0.9', '10.0.0.2', '2001:db8::2']) {
      expect([host, namesHost(certificate, host)]).toEqual([host, false])
    }
    const { certificate: bare } = await make({ subject: '/CN=cn.test' })
    expect(namesHost(bare, 'cn.test')).toBe(false)
  })
})
