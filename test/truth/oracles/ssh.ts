import type { Oracle } from '../row.ts'
import { firstIn, output, yesOrNo } from './response.ts'

/** Seconds. */
const patience = '5'

/** Host keys, as OpenSSH fetches them; yes if there is any. */
export const sshKeyscan: Oracle = {
  name: 'ssh-keyscan',
  needs: ['openssh'],
  ask: async ({ address, port }) => {
    const { stdout } = await output('ssh-keyscan', ['-T', patience, '-p', String(port), address])
    const types = stdout.split('\n').flatMap((line) => (line === '' || line.startsWith('#') ? [] : line.split(' ')[1]))
    return yesOrNo(types.length > 0, types.length > 0 ? types.toSorted().join(', ') : 'no host key')
  },
}

/** The fingerprints of the host keys; yes if the one that the rule pins is among them. */
export const sshFingerprint: Oracle = {
  name: 'ssh-keyscan | ssh-keygen -l',
  needs: ['openssh'],
  ask: async ({ address, port, params }) => {
    const { stdout } = await output('ssh-keyscan', ['-T', patience, '-p', String(port), address])
    const { stdout: shown } = await output('ssh-keygen', ['-l', '-f', '-'], stdout)
    const found = [...shown.matchAll(/SHA256:\S+/g)].map(([fingerprint]) => fingerprint)
    const isPinned = found.includes(params?.pinned ?? '')
    return yesOrNo(isPinned, isPinned ? 'the pinned key' : (found[0] ?? 'no host key'))
  },
}

/** Offered algorithms, as nmap lists them; yes if none of these is. */
export const nmapOffersNone = (...names: readonly string[]): Oracle => ({
  name: 'nmap ssh2-enum-algos',
  needs: ['nmap'],
  ask: async ({ address, port }) => {
    const { text } = await output('nmap', ['-Pn', '-n', '-p', String(port), '--script', '+ssh2-enum-algos', address])
    const offered = new Set(Array.from(text.matchAll(/^\|[ _] {6}(\S+)$/gm), ([, name]) => name))
    const found = names.filter((name) => offered.has(name))
    if (offered.size === 0) return yesOrNo(false, 'no algorithms')
    return yesOrNo(
      found.length === 0,
      found.length > 0 ? `offers ${found.join(', ')}` : `${offered.size} other algorithms`,
    )
  },
})

/** What OpenSSH's client reports of the peer; yes if its protocol is 2.0. */
export const sshProtocol: Oracle = {
  name: 'ssh -v',
  needs: ['openssh'],
  ask: async ({ address, port }) => {
    const options = [
      'BatchMode=yes',
      'StrictHostKeyChecking=no',
      'UserKnownHostsFile=/dev/null',
      `ConnectTimeout=${patience}`,
    ]
    const args = [
      '-v',
      '-F',
      'none',
      ...options.flatMap((option) => ['-o', option]),
      '-p',
      String(port),
      `portwarden@${address}`,
    ]
    const { text } = await output('ssh', args)
    const remote = firstIn(text, /Remote protocol version .*/)
    return yesOrNo(
      remote?.includes('version 2.0,') ?? false,
      remote ?? firstIn(text, /.*(?:onnection|anner|protocol).*/) ?? 'nothing',
    )
  },
}
