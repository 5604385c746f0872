import { expect, test } from 'vitest'
import { probeTls } from '../../src/probes/tls/probe.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { startTls } from '../support/peers/tls.ts'
import { probeIo } from '../support/probe-io.ts'
import { run } from '../support/processes.ts'
import { judgeBuiltIn } from './judging.ts'

describeWithPeers(['openssl'], 'the rule server-certificate', () => {
  test.each([
    { variant: 'good', result: 'pass', reason: 'as-expected', code: 0 },
    { variant: 'weak', result: 'fail', reason: 'certificate-key-too-small', code: 2 },
  ] as const)('gives $result for the certificate $variant, as openssl verify at level 2', async (expected) => {
    await using peer = await startTls(expected.variant)
    const { hostName: host, host: address, port, ca, caPath, certificate } = peer
    const { state, reason, facts } = await probeTls({ host, address, port }, { trustedCa: ca }, probeIo())
    const judgement = judgeBuiltIn(
      'server-certificate',
      { state, reason, facts },
      { observedAt: new Date().toISOString() },
    )
    expect(judgement).toMatchObject({ result: expected.result, reason: expected.reason })
    const verify = await run('openssl', ['verify', '-auth_level', '2', '-CAfile', caPath, certificate.certPath])
    expect(verify).toMatchObject({ code: expected.code })
  })
})
