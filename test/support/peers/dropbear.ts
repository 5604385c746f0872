import { freePort } from '../ports.ts'
import { mustRun, spawnPeer } from '../processes.ts'
import { makeTempDir } from '../temp-dir.ts'
import { type At, asPeer, type Peer } from './peer.ts'

/** Types of host keys as dropbearkey names them. */
export type DropbearKeyType = 'ed25519' | 'ecdsa' | 'rsa'

interface DropbearOptions extends At {
  keyTypes?: readonly DropbearKeyType[]
}

interface Dropbear extends Peer {
  host: string
  port: number
  /** `SHA256:…` of each host key, as dropbearkey prints it. */
  fingerprints: Partial<Record<DropbearKeyType, string>>
}

/** A real dropbear with host keys of its own. It accepts no password. */
export async function startDropbear(options: DropbearOptions = {}): Promise<Dropbear> {
  const { host = '127.0.0.1', port = await freePort(host), keyTypes = ['ed25519', 'ecdsa'] } = options
  const directory = await makeTempDir('dropbear')
  const fingerprints: Dropbear['fingerprints'] = {}
  try {
    for (const type of keyTypes) {
      const printed = await mustRun('dropbearkey', ['-t', type, '-f', `${directory.path}/${type}`])
      fingerprints[type] = /SHA256:\S+/.exec(printed)?.[0]
    }
    const keys = keyTypes.flatMap((type) => ['-r', `${directory.path}/${type}`])
    const args = ['-F', '-E', '-s', '-p', `${host}:${port}`, '-P', `${directory.path}/pid`, ...keys]
    const dropbear = await spawnPeer('dropbear', args, { ports: { host, ports: [port] } })
    return asPeer({ host, port, fingerprints }, dropbear.end, directory.remove)
  } catch (error) {
    await directory.remove()
    throw error
  }
}
