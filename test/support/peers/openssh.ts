import { mkdir, writeFile } from 'node:fs/promises'
import { freePort } from '../ports.ts'
import { mustRun, run, spawnPeer } from '../processes.ts'
import { makeTempDir } from '../temp-dir.ts'
import { type At, asPeer, type Peer } from './peer.ts'

const keyTypes = ['ed25519', 'ecdsa', 'rsa'] as const
type HostKeyType = (typeof keyTypes)[number]

interface SshdOptions extends At {
  /** Configuration lines. They come first, and in sshd_config the first value wins. */
  extra?: string
  /** Offers its Ed25519 key in a certificate of an authority of its own alone. */
  certified?: boolean
}

export interface Sshd extends Peer {
  host: string
  port: number
  /** `SHA256:…` of each host key, as ssh-keygen prints it. */
  fingerprints: Record<HostKeyType, string>
  /** sshd's log so far, at LogLevel VERBOSE. */
  log: () => string
  /** Waits for a line of the log. */
  logged: (pattern: RegExp) => Promise<RegExpMatchArray>
}

/** A real OpenSSH sshd with host keys of its own. It accepts no login. */
export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  const { host = '127.0.0.1', port = await freePort(host), extra = '', certified = false } = options
  const directory = await makeTempDir('sshd')
  // Compiled into sshd as the chroot of its unprivileged process; only root's sshd needs it.
  if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 })
  try {
    const fingerprints = await makeHostKeys(directory.path)
    const config = await writeConfig(
      directory.path,
      host,
      port,
      certified ? `${extra}\n${await certify(directory.path)}` : extra,
    )
    const sshd = await spawnPeer('sshd', ['-D', '-e', '-f', config], { ready: /Server listening on/ })
    const facts = { host, port, fingerprints, log: sshd.log, logged: sshd.logged }
    return asPeer(facts, sshd.end, directory.remove)
  } catch (error) {
    await directory.remove()
    throw error
  }
}

async function makeHostKeys(directory: string): Promise<Record<HostKeyType, string>> {
  const make = async (type: HostKeyType) => {
    const path = `${directory}/${type}`
    const bits = type === 'rsa' ? ['-b', '2048'] : []
    await mustRun('ssh-keygen', ['-q', '-t', type, ...bits, '-N', '', '-C', '', '-f', path])
    const [fingerprint] = /SHA256:\S+/.exec(await mustRun('ssh-keygen', ['-l', '-f', `${path}.pub`])) ?? []
    if (fingerprint === undefined) throw new Error(`ssh-keygen shows no fingerprint for ${type}`)
    return fingerprint
  }
  const [ed25519, ecdsa, rsa] = await Promise.all([make('ed25519'), make('ecdsa'), make('rsa')])
  return { ed25519, ecdsa, rsa }
}

async function certify(directory: string): Promise<string> {
  await mustRun('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', `${directory}/ca`])
  await mustRun('ssh-keygen', ['-q', '-s', `${directory}/ca`, '-h', '-I', 'peer', `${directory}/ed25519.pub`])
  return `HostCertificate ${directory}/ed25519-cert.pub\nHostKeyAlgorithms ssh-ed25519-cert-v01@openssh.com`
}

async function writeConfig(directory: string, host: string, port: number, extra: string): Promise<string> {
  const path = `${directory}/sshd_config`
  const lines = [
    extra,
    `ListenAddress ${host}:${port}`,
    ...keyTypes.map((type) => `HostKey ${directory}/${type}`),
    `PidFile ${directory}/sshd.pid`,
    'UsePAM no',
    'StrictModes no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'AuthorizedKeysFile none',
    'LogLevel VERBOSE',
    'MaxStartups 100',
  ]
  // OpenSSH 9.8 and later would penalise our probes' address; earlier ones refuse the word.
  const newer = [...lines, 'PerSourcePenalties no', '']
  await writeFile(path, newer.join('\n'))
  const { stderr } = await run('sshd', ['-t', '-f', path])
  if (/PerSourcePenalties/i.test(stderr)) await writeFile(path, [...lines, ''].join('\n'))
  return path
}
