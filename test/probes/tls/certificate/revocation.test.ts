import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { authoritiesWith } from '../../../../src/probes/tls/certificate/authorities.ts'
import { judgeStaple } from '../../../../src/probes/tls/certificate/revocation.ts'
import { type Authority, type Certificate, createAuthority } from '../../../support/certificates.ts'
import { describeWithPeers } from '../../../support/peers/available.ts'
import { run } from '../../../support/processes.ts'

const dayMs = 86_400_000
const request = { commonName: 'a.test', subjectAltName: 'DNS:a.test' }

describeWithPeers(['openssl'], 'a stapled OCSP response', () => {
  let root: Authority
  let leaf: Certificate
  let revoked: Certificate

  beforeAll(async () => {
    root = await createAuthority('OCSP Root')
    leaf = await root.issue(request)
    revoked = await root.issue(request)
    await root.revoke(revoked)
  })

  interface Stapled {
    certificate: Certificate
    issuer: Authority
    /** DER. */
    response: Buffer
    now?: number
  }

  const judge = ({ certificate, issuer, response, now = Date.now() }: Stapled) =>
    judgeStaple({
      staple: response,
      chain: [new X509Certificate(certificate.cert), new X509Certificate(issuer.ca)],
      authorities: authoritiesWith(root.ca),
      now,
    })

  /** What `openssl ocsp` makes of the response, as status and whether its signature verifies. */
  async function opensslOn(certificate: Certificate, issuer: Authority, response: string) {
    const about = ['-issuer', issuer.caPath, '-cert', certificate.certPath, '-CAfile', issuer.caPath, '-partial_chain']
    const { stdout, stderr } = await run('openssl', ['ocsp', '-respin', response, ...about])
    const [, status = 'none'] = /: (good|revoked|unknown)$/m.exec(stdout) ?? []
    return { status, verified: /Response verify OK/.test(stderr) }
  }

  test('is believed as openssl ocsp believes it, for each signer, status and key', async () => {
    const intermediate = await root.subordinate('OCSP Intermediate')
    const below = await intermediate.issue(request)
    const belowRevoked = await intermediate.issue(request)
    await intermediate.revoke(belowRevoked)
    const delegate = { ...request, extendedKeyUsage: 'OCSPSigning' }
    const responder = await root.issue(delegate)
    const rsaResponder = await root.issue({ ...delegate, key: 'rsa:2048' })
    const server = await root.issue(request)
    const stranger = await intermediate.issue(delegate)
    const brainpool = await createAuthority('OCSP Brainpool', 'brainpool')
    const onBrainpool = await brainpool.issue(request)
    const cases: [string, Certificate, Authority, Parameters<Authority['ocspResponse']>[1], string, boolean][] = [
      ['good', leaf, root, {}, 'good', true],
      ['revoked', revoked, root, {}, 'revoked', true],
      ['not known to the responder', leaf, root, { unknown: true }, 'unknown', true],
      ['good, below an intermediate', below, intermediate, {}, 'good', true],
      ['revoked, below an intermediate', belowRevoked, intermediate, {}, 'revoked', true],
      ['good, by an authorized responder', leaf, root, { responder }, 'good', true],
      ['revoked, by an authorized responder', revoked, root, { responder }, 'revoked', true],
      ['revoked, by one with an RSA key', revoked, root, { responder: rsaResponder }, 'revoked', true],
      ['good, on a curve without a NIST name', onBrainpool, brainpool, {}, 'good', true],
      ['good, by a server certificate', leaf, root, { responder: server }, 'good', false],
      ['revoked, by a responder of another authority', revoked, root, { responder: stranger }, 'revoked', false],
    ]
    for (const [name, certificate, issuer, options, status, believed] of cases) {
      const path = await issuer.ocspResponse(certificate, options)
      expect([name, await opensslOn(certificate, issuer, path)]).toEqual([name, { status, verified: believed }])
      const facts = judge({ certificate, issuer, response: await readFile(path) })
      const expected = believed ? { status } : { status: 'invalid', problem: 'not-signed-by-issuer' }
      expect([name, facts]).toMatchObject([name, expected])
    }
  })

  test('says when and why the certificate was revoked', async () => {
    const facts = judge({ certificate: revoked, issuer: root, response: await responseOf(revoked) })
    expect(facts).toEqual({ status: 'revoked', revokedAt: expect.any(String), revocationReason: 'keyCompromise' })
    expect(Math.abs(Date.parse(facts?.revokedAt ?? '') - Date.now())).toBeLessThan(dayMs)
  })

  const responseOf = async (certificate: Certificate, options = {}) =>
    await readFile(await root.ocspResponse(certificate, options))

  test('proves nothing about another certificate, nor without its issuer, nor with a SHA-1 signature', async () => {
    const other = await responseOf(revoked)
    const problemOf = (facts: ReturnType<typeof judge>) => facts?.problem
    expect(problemOf(judge({ certificate: leaf, issuer: root, response: other }))).toBe('other-certificate')
    const weak = await responseOf(leaf, { digest: 'sha1' })
    expect(problemOf(judge({ certificate: leaf, issuer: root, response: weak }))).toBe('not-signed-by-issuer')
    const alone = judgeStaple({
      staple: await responseOf(leaf),
      chain: [new X509Certificate(leaf.cert)],
      authorities: authoritiesWith(),
      now: Date.now(),
    })
    expect(problemOf(alone)).toBe('issuer-unknown')
  })

  test('is `good` for its validity only; a revocation lasts, except a hold', async () => {
    const held = await root.issue(request)
    await root.revoke(held, 'certificateHold')
    for (const [certificate, inTime, late] of [
      [leaf, { status: 'good' }, { status: 'invalid', problem: 'expired' }],
      [revoked, { status: 'revoked' }, { status: 'revoked' }],
      [held, { status: 'revoked', revocationReason: 'certificateHold' }, { status: 'invalid', problem: 'expired' }],
    ] as const) {
      const stapled = { certificate, issuer: root, response: await responseOf(certificate) }
      const at = (days: number) => judge({ ...stapled, now: Date.now() + days * dayMs })
      expect(at(6.9)).toMatchObject(inTime)
      expect(at(7.1)).toMatchObject(late)
      expect(at(-1)).toEqual({ status: 'invalid', problem: 'not-yet-valid' })
    }
  })

  test('with any byte changed is never believed to say something else', async () => {
    const response = await responseOf(revoked)
    const said = judge({ certificate: revoked, issuer: root, response })
    for (let at = 0; at < response.length; at += 1) {
      const changed = Buffer.from(response)
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8))
      const facts = judge({ certificate: revoked, issuer: root, response: changed })
      if (facts?.status !== 'invalid') expect(facts).toEqual(said)
    }
    for (let length = 0; length < response.length; length += 7) {
      const cut = judge({ certificate: revoked, issuer: root, response: response.subarray(0, length) })
      expect(cut?.status).toBe('invalid')
    }
  })
})

describe('an OCSP response without content', () => {
  test.each([
    ['of a responder that is too busy', '30030a0103', 'responder-error'],
    ['that claims success', '30030a0100', 'malformed'],
    ['that is empty', '', 'malformed'],
    ['that is garbage', 'ffffffffff', 'malformed'],
  ])('%s proves nothing', async (_, hex, problem) => {
    const { ca } = await createAuthority('Busy Root')
    const chain = [new X509Certificate(ca)]
    const facts = judgeStaple({
      staple: Buffer.from(hex, 'hex'),
      chain,
      authorities: authoritiesWith(),
      now: Date.now(),
    })
    expect(facts).toEqual({ status: 'invalid', problem })
  })
})
