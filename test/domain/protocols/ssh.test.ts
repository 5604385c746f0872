import { describe } from 'vitest'
import type { ReasonCode } from '../../../src/domain/findings/reasons.ts'
import { testJudgements } from './judging.ts'

describe('ssh', () => {
  const key = { type: 'ssh-ed25519', sha256: 'SHA256:abc', verified: true }
  const lists = {
    kex: ['curve25519-sha256'],
    hostKey: ['ssh-ed25519'],
    cipherClientToServer: ['aes128-ctr'],
    cipherServerToClient: ['3des-cbc'],
    macClientToServer: ['hmac-sha2-256'],
    macServerToClient: ['hmac-sha2-256'],
    compressionClientToServer: ['none'],
    compressionServerToClient: ['none'],
  }
  const facts = { identification: 'SSH-2.0-x', protocolVersion: '2.0', hostKey: key, algorithms: lists }
  const seen = (change: object = {}, reason: ReasonCode = 'ssh-ok') => ({ reason, facts: { ...facts, ...change } })
  testJudgements('ssh', [
    ['a peer that speaks SSH passes', { ssh: { speaks: true } }, seen(), 'as-expected'],
    [
      'one that speaks something else fails',
      { ssh: { speaks: true } },
      { reason: 'protocol-mismatch', facts: { spoke: 'http' } },
      'ssh-not-spoken',
    ],
    [
      'one that says nothing in time is undecided',
      { ssh: { speaks: true } },
      { reason: 'protocol-timeout', facts: {} },
      'protocol-timeout',
    ],
    [
      'one that says nothing in time is undecided, where another claim is made',
      { ssh: { minVersion: '2.0' } },
      { reason: 'protocol-timeout', facts: {} },
      'protocol-timeout',
    ],
    [
      'where the key exchange did not come in time, its algorithms are undecided',
      { ssh: { forbid: ['3des-cbc'] } },
      seen({ algorithms: undefined }, 'protocol-timeout'),
      'protocol-timeout',
    ],
    [
      'a banner without a key exchange fails with the refusal',
      { ssh: { speaks: true } },
      seen({ algorithms: undefined, hostKey: undefined }, 'ssh-refused'),
      'ssh-refused',
    ],
    [
      'a banner without a key exchange in time is undecided',
      { ssh: { speaks: true } },
      seen({ algorithms: undefined, hostKey: undefined }, 'protocol-timeout'),
      'protocol-timeout',
    ],
    [
      'a banner with a broken key exchange fails',
      { ssh: { speaks: true } },
      seen({ algorithms: undefined, hostKey: undefined }, 'protocol-violation'),
      'protocol-violation',
    ],
    [
      'a server of protocol 1 alone fails',
      { ssh: { speaks: true } },
      {
        reason: 'ssh-no-common-version',
        facts: { identification: 'SSH-1.5-x', protocolVersion: '1.5', software: 'x' },
      },
      'ssh-no-common-version',
    ],
    [
      'one that refuses for now, before its identification, is undecided',
      { ssh: { speaks: true } },
      { reason: 'ssh-refused-for-now', facts: { refusal: { text: 'Exceeded MaxStartups' } } },
      'ssh-refused-for-now',
    ],
    [
      'one that refuses for now, after its identification, is undecided',
      { ssh: { speaks: true } },
      seen({ algorithms: undefined, hostKey: undefined, refusal: { code: 12, text: '' } }, 'ssh-refused-for-now'),
      'ssh-refused-for-now',
    ],
    [
      'one that began the key exchange and has no algorithm in common passes',
      { ssh: { speaks: true } },
      seen({ hostKey: undefined }, 'ssh-no-common-algorithm'),
      'as-expected',
    ],
    [
      'a later version of the protocol passes',
      { ssh: { minVersion: '2.0' } },
      seen({ protocolVersion: '2.1' }),
      'as-expected',
    ],
    ['the required version passes', { ssh: { minVersion: '2.0' } }, seen(), 'as-expected'],
    [
      '1.99 is older than 2.0',
      { ssh: { minVersion: '2.0' } },
      seen({ protocolVersion: '1.99' }),
      'ssh-version-too-old',
    ],
    [
      '1.5 is older than 1.99',
      { ssh: { minVersion: '1.99' } },
      seen({ protocolVersion: '1.5' }),
      'ssh-version-too-old',
    ],
    [
      'an unknown version is too old',
      { ssh: { minVersion: '1.99' } },
      seen({ protocolVersion: '9' }),
      'ssh-version-too-old',
    ],
    ['a pinned host key passes', { ssh: { hostKeys: ['SHA256:x', 'SHA256:abc'] } }, seen(), 'as-expected'],
    ['another one fails', { ssh: { hostKeys: ['SHA256:x'] } }, seen(), 'ssh-host-key-mismatch'],
    [
      'a key that was not proved is unknown, even if it is the pinned one',
      { ssh: { hostKeys: ['SHA256:abc'] } },
      seen({ hostKey: { ...key, verified: false } }),
      'facts-missing',
    ],
    [
      'a wrong signature fails despite all other facts',
      { ssh: { speaks: true, hostKeys: ['SHA256:abc'] } },
      seen({}, 'ssh-signature-invalid'),
      'ssh-signature-invalid',
    ],
    ['algorithms that are not forbidden pass', { ssh: { forbid: ['arcfour'] } }, seen(), 'as-expected'],
    [
      'one that is forbidden in either direction fails',
      { ssh: { forbid: ['3des-cbc'] } },
      seen(),
      'ssh-algorithm-forbidden',
    ],
    ['it fails in any case', { ssh: { forbid: ['3DES-CBC'] } }, seen(), 'ssh-algorithm-forbidden'],
    [
      'lists that were not seen are unknown',
      { ssh: { forbid: ['3des-cbc'] } },
      seen({ algorithms: undefined }),
      'facts-missing',
    ],
  ])
})
