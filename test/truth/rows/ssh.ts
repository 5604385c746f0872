import type { ReasonCode } from '../../../src/domain/findings/reasons.ts'
import { nmapState } from '../oracles/network.ts'
import { nmapOffersNone, sshFingerprint, sshKeyscan, sshProtocol } from '../oracles/ssh.ts'
import type { PeerName } from '../peers/index.ts'
import type { Row } from '../row.ts'

const verdictFor = (reason?: ReasonCode) => ({ verdict: reason ? 'fail' : 'pass', reason }) as const

const speaks = (peer: PeerName, site: string, text: string, reason?: ReasonCode): Row => ({
  case: `SSH: ${text}`,
  peer,
  site,
  claim: { builtIn: 'ssh-support', windowOpen: true },
  oracle: sshKeyscan,
  ...verdictFor(reason),
})

const pinned = (peer: PeerName, site: string, text: string, reason?: ReasonCode): Row => ({
  case: `SSH host key: ${text}`,
  peer,
  site,
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a placeholder of the policy
  claim: { probe: 'ssh', expect: { ssh: { hostKeys: ['${pinned}'] } } },
  oracle: sshFingerprint,
  ...verdictFor(reason),
})

const offersNone = (peer: PeerName, site: string, names: string[], reason?: ReasonCode): Row => ({
  case: `SSH algorithms: ${names.join(', ')} ${names.length > 1 ? 'are' : 'is'} not offered`,
  peer,
  site,
  claim: { probe: 'ssh', expect: { ssh: { forbid: names } } },
  oracle: nmapOffersNone(...names),
  ...verdictFor(reason),
})

const protocol = (peer: PeerName, site: string, reason?: ReasonCode): Row => ({
  case: 'SSH: the protocol is 2.0',
  peer,
  site,
  claim: { probe: 'ssh', expect: { ssh: { minVersion: '2.0' } } },
  oracle: sshProtocol,
  ...verdictFor(reason),
})

const forbidden = [
  ['diffie-hellman-group1-sha1'],
  ['diffie-hellman-group14-sha1', 'diffie-hellman-group-exchange-sha1'],
  ['ssh-rsa'],
  ['3des-cbc', 'aes128-cbc'],
  ['hmac-md5'],
  ['hmac-sha1-96'],
]

export const sshRows: readonly Row[] = [
  speaks('OpenSSH', 'default', 'sshd'),
  speaks('OpenSSH', 'weak', 'sshd with weak algorithms'),
  speaks('OpenSSH', 'addendum', 'sshd with an addition to its identification'),
  speaks('OpenSSH', 'group14-only', 'sshd with one finite-field key exchange'),
  speaks('OpenSSH', 'sntrup-only', 'sshd with a post-quantum key exchange only'),
  speaks('OpenSSH', 'chacha-only', 'sshd with one cipher'),
  speaks('OpenSSH', 'etm-only', 'sshd with one MAC'),
  speaks('OpenSSH', 'rsa-sha1', 'sshd with ssh-rsa signatures only'),
  speaks('Dropbear', 'default', 'Dropbear'),
  speaks('nginx', 'clear-200', 'a web server', 'ssh-not-spoken'),
  speaks('nginx', 'good', 'a TLS server', 'ssh-not-spoken'),
  protocol('OpenSSH', 'default'),
  protocol('Dropbear', 'default'),
  ...(['ed25519', 'ecdsa', 'rsa'] as const).flatMap((type) => [
    pinned('OpenSSH', `${type}:${type}`, `the pinned one is its ${type} key`),
    pinned('OpenSSH', `${type}:other`, `another than its ${type} key is pinned`, 'ssh-host-key-mismatch'),
    pinned('Dropbear', `${type}:${type}`, `the pinned one is its ${type} key`),
    pinned('Dropbear', `${type}:other`, `another than its ${type} key is pinned`, 'ssh-host-key-mismatch'),
  ]),
  pinned('OpenSSH', 'rsa-sha1:rsa', 'proven with a SHA-1 signature'),
  pinned('OpenSSH', 'sntrup-only:ed25519', 'shown in a post-quantum key exchange'),
  pinned('OpenSSH', 'group14-only:ed25519', 'shown in a finite-field key exchange'),
  ...forbidden.flatMap((names) => [
    offersNone('OpenSSH', 'default', names),
    offersNone('OpenSSH', 'weak', names, 'ssh-algorithm-forbidden'),
  ]),
  offersNone('Dropbear', 'default', ['3des-cbc', 'aes128-cbc']),
  offersNone('Dropbear', 'default', ['hmac-sha1'], 'ssh-algorithm-forbidden'),
  offersNone('Dropbear', 'rsa', ['ssh-rsa'], 'ssh-algorithm-forbidden'),
  offersNone('Dropbear', 'default', ['diffie-hellman-group1-sha1']),
  ...(['OpenSSH', 'Dropbear'] as const).map(
    (peer): Row => ({
      case: 'SSH: the port is closed to clients',
      peer,
      site: 'default',
      claim: { builtIn: 'ssh-restricted' },
      oracle: nmapState('closed', 'filtered'),
      verdict: 'fail',
      reason: 'unexpected-state',
    }),
  ),
]
