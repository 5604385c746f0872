import { expect, test } from 'vitest'
import { probeTls } from '../../src/probes/tls/probe.ts'
import { describeWithPeers } from '../support/peers/available.ts'
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
