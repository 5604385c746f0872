import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import type { Network } from './peers/netns.ts'
import { asPeer, type Peer } from './peers/peer.ts'
import { spawnPeer } from './processes.ts'
import { makeTempDir } from './temp-dir.ts'

const port = 8443

/** Makes a local listener reachable at the target's address of a private network. */
export async function bridgeInto(
  network: Network,
  listener: { host: string; port: number },
): Promise<Peer & { host: string; port: number }> {
  const directory = await makeTempDir('bridge')
  const path = join(directory.path, 'socket') // files are visible in both namespaces
  const near = createServer((from) => {
    const to = connect({ host: listener.host, port: listener.port })
    from.on('error', () => to.destroy()).pipe(to)
    to.on('error', () => from.destroy()).pipe(from)
  }).listen(path)
  const far = `require('node:net').createServer((from) => {
    const to = require('node:net').connect(${JSON.stringify(path)})
    from.on('error', () => to.destroy()).pipe(to)
    to.on('error', () => from.destroy()).pipe(from)
  }).listen(${port}, '${network.targetAddress}', () => console.log('listening'))`
  const argv = ['netns', 'exec', network.namespaces.target, process.execPath, '-e', far]
  const peer = await spawnPeer('ip', argv, { ready: /listening/ })
  const closeNear = async () => void near.close()
  return asPeer({ host: network.targetAddress, port }, peer.end, closeNear, directory.remove)
}
