import { freePort } from '../ports.ts'
import { spawnPeer } from '../processes.ts'
import { makeTempDir } from '../temp-dir.ts'
import { asPeer, type Peer } from './peer.ts'

export interface FreerdpShadow extends Peer {
  host: string
  port: number
}

/** A real server of FreeRDP, which shares an empty display; its certificate is self-signed. */
export async function startFreerdpShadow(security: 'nla' | 'tls' | 'rdp'): Promise<FreerdpShadow> {
  const host = '127.0.0.1'
  const port = await freePort(host)
  const directory = await makeTempDir('freerdp')
  const steps: (() => Promise<unknown>)[] = [directory.remove]
  try {
    // FreeRDP opens the display twice: between the two, a server without clients would reset.
    const screen = ['-noreset', '-displayfd', '1', '-screen', '0', '320x240x24', '-nolisten', 'tcp']
    const display = await spawnPeer('Xvfb', screen, { ready: /^\d+$/m })
    steps.unshift(display.end)
    const [number = ''] = await display.logged(/^\d+$/m)
    const args = [`/port:${port}`, `/bind-address:${host}`, `/sec:${security}`]
    const env = { ...process.env, HOME: directory.path, DISPLAY: `:${number}` }
    const shadow = await spawnPeer('freerdp-shadow-cli', args, { env, ports: { host, ports: [port] } })
    steps.unshift(shadow.end)
    return asPeer({ host, port }, ...steps)
  } catch (error) {
    await asPeer({}, ...steps).stop()
    throw error
  }
}
