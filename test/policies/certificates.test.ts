import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { probeTls } from '../../src/probes/tls/probe.ts'
import { createAuthority } from '../support/certificates.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { startHttps } from '../support/peers/https.ts'
import { startTls } from '../support/peers/tls.ts'
import { probeIo } from '../support/probe-io.ts'
import { mustRun, run } from '../support/processes.ts'
import { judgeBuiltIn } from './judging.ts'

describeWithPeers(['openssl'], 'the rules about certificates', () => {
  test.each([
    { rule: 'server-certificate', variant: 'good', result: 'pass', reason: 'as-expected', code: 0 },
    { rule: 'server-certificate', variant: 'weak', result: 'fail', reason: 'certificate-key-too-small', code: 2 },
    { rule: 'ui-certificate', variant: 'good', result: 'pass', reason: 'as-expected', code: 0 },
    { rule: 'ui-certificate', variant: 'expired', result: 'fail', reason: 'certificate-expired', code: 2 },
  ] as const)('$rule gives $result for the certificate $variant, as openssl verify at level 2', async (expected) => {
    await using peer = await startTls(expected.variant)
    const { hostName: host, host: address, port, ca, caPath, certificate } = peer
    const { state, reason, facts } = await probeTls({ host, address, port }, { trustedCa: ca }, probeIo())
    const judgement = judgeBuiltIn(
      expected.rule,
      { state, reason, facts },
      { params: { uiPort: port }, observedAt: new Date().toISOString() },
    )
    expect(judgement).toMatchObject({ result: expected.result, reason: expected.reason })
    const verify = await run('openssl', ['verify', '-auth_level', '2', '-CAfile', caPath, certificate.certPath])
    expect(verify).toMatchObject({ code: expected.code })
  })

  test.each([
    ['excludes a registered identifier', 'critical,excluded;RID:1.2.3.4', 51],
    ['has a subtree with a minimum', 'critical,DER:3013a011300f820a612e6c61622e74657374800101', 49],
    ['has a network of an invalid length', 'critical,DER:300ba009300787057f000000ff', 53],
    ['permits another name', 'critical,permitted;DNS:b.lab.test', 47],
  ] as const)('an authority that %s fails for its name constraints, as openssl verify', async (_, names, error) => {
    const root = await createAuthority('Constraint Root')
    const authority = await root.subordinate('Constrained', [`nameConstraints=${names}`])
    const subjectAltName = 'DNS:a.lab.test,IP:127.0.0.1,RID:1.2.3.4'
    const certificate = await authority.issue({ commonName: 'a.lab.test', subjectAltName })
    const cert = await readFile(certificate.chainPath, 'utf8')
    await using peer = await startHttps({ certificate: { ...certificate, cert } })
    const endpoint = { host: 'a.lab.test', address: peer.host, port: peer.port }
    const seen = await probeTls(endpoint, { trustedCa: root.ca }, probeIo())
    const judgement = judgeBuiltIn('server-certificate', seen, { observedAt: new Date().toISOString() })
    expect(judgement).toMatchObject({ result: 'fail', reason: 'certificate-name-not-permitted' })
    const files = ['-CAfile', root.caPath, '-untrusted', certificate.chainPath, certificate.certPath]
    expect((await run('openssl', ['verify', ...files])).stderr).toContain(`error ${error} at`)
  })

  test.each([
    ['ocsp-stapled', 'pass', 'as-expected', 'good'],
    ['ocsp-stapled-tls1.2', 'pass', 'as-expected', 'good'],
    ['ocsp-revoked', 'fail', 'certificate-revoked', 'revoked'],
    ['ocsp-revoked-tls1.2', 'fail', 'certificate-revoked', 'revoked'],
    ['ocsp-of-another', 'unknown', 'certificate-status-unknown', 'revoked'],
    ['ocsp-unknown', 'unknown', 'certificate-status-unknown', 'unknown'],
    ['must-staple', 'fail', 'certificate-staple-missing', undefined],
    ['must-staple-stapled', 'pass', 'as-expected', 'good'],
  ] as const)('server-certificate gives for %s: %s (%s); openssl s_client prints %s', async (variant, ...expected) => {
    await using peer = await startTls(variant)
    const { hostName: host, host: address, port, ca } = peer
    const { state, reason, facts } = await probeTls({ host, address, port }, { trustedCa: ca }, probeIo())
    const observedAt = new Date().toISOString()
    const judgement = judgeBuiltIn('server-certificate', { state, reason, facts }, { observedAt })
    const printed = await mustRun('openssl', ['s_client', '-connect', `${address}:${port}`, '-status'], {
      input: 'Q\n',
    })
    const [, status] = /Cert Status: (\w+)/.exec(printed) ?? []
    expect([judgement.result, judgement.reason, status]).toEqual(expected)
  })
})
