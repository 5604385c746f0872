import { expect, test } from 'vitest'
import { probeTls } from '../../src/probes/tls/probe.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { startTls } from '../support/peers/tls.ts'
import { probeIo } from '../support/probe-io.ts'
import { run } from '../support/processes.ts'
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
})
