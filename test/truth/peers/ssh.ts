import { type DropbearKeyType, startDropbear } from '../../support/peers/dropbear.ts'
import { startSshd } from '../../support/peers/openssh.ts'
import type { Peer } from '../../support/peers/peer.ts'
import type { Listener } from '../row.ts'
import { perConfiguration } from './running.ts'

const weak = [
  'KexAlgorithms +diffie-hellman-group1-sha1,diffie-hellman-group14-sha1,diffie-hellman-group-exchange-sha1',
  'HostKeyAlgorithms +ssh-rsa',
  'Ciphers +3des-cbc,aes128-cbc',
  'MACs +hmac-md5,hmac-sha1-96',
]

/** Lines of sshd_config by site. */
const configurations: Record<string, readonly string[]> = {
  default: [],
  weak,
  ed25519: ['HostKeyAlgorithms ssh-ed25519'],
  ecdsa: ['HostKeyAlgorithms ecdsa-sha2-nistp256'],
  rsa: ['HostKeyAlgorithms rsa-sha2-512,rsa-sha2-256'],
  'rsa-sha1': ['HostKeyAlgorithms ssh-rsa'],
  addendum: ['VersionAddendum hardened build'],
  'group14-only': ['KexAlgorithms diffie-hellman-group14-sha256'],
  'sntrup-only': ['KexAlgorithms sntrup761x25519-sha512@openssh.com'],
  'chacha-only': ['Ciphers chacha20-poly1305@openssh.com'],
  'etm-only': ['MACs hmac-sha2-256-etm@openssh.com', 'Ciphers aes256-ctr'],
}

interface Ssh extends Peer {
  host: string
  port: number
  fingerprints: Partial<Record<string, string>>
}

/** `pinned` is the key of the type that the site names after its colon; any other name is a key that no server has. */
const listenerOf = ({ host, port, fingerprints }: Ssh, site: { port: string }): Listener => ({
  host,
  address: host,
  port,
  params: { pinned: fingerprints[site.port] ?? `SHA256:${'0123'.repeat(10)}abc` },
})

export const sshPeers = {
  OpenSSH: perConfiguration(
    ['openssh'],
    (name) => startSshd({ extra: ['MaxAuthTries 1', ...(configurations[name] ?? [])].join('\n') }),
    (started: Ssh, site) => listenerOf(started, site),
  ),
  Dropbear: perConfiguration(
    ['dropbear', 'openssh'],
    (name) => startDropbear({ keyTypes: name === 'default' ? ['ed25519', 'ecdsa', 'rsa'] : [name as DropbearKeyType] }),
    (started: Ssh, site) => listenerOf(started, site),
  ),
}
