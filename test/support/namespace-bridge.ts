import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import type { Network } from './peers/netns.ts'
import { asPeer, type Peer } from './peers/peer.ts'
import { spawnPeer } from './processes.ts'
import { makeTempDir } from './temp-dir.ts'

const port = 8443

/** Makes a local listener reachable at the target's address of a private network, or at an address of a namespace. */
export async function bridgeInto(
  network: Network | { namespace: string; address: string },
  listener: { host: string; port: number },
): Promise<Peer & { host: string; port: number }> {
  const { namespace, address } =
    'namespace' in network ? network : { namespace: network.namespaces.target, address: network.targetAddress }
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
  }).listen(${port}, '${address}', () => console.log('listening'))`
  const argv = ['netns', 'exec', namespace, process.execPath, '-e', far]
  const peer = await spawnPeer('ip', argv, { ready: /listening/ })
  const closeNear = async () => void near.close()
  return asPeer({ host: address, port }, peer.end, closeNear, directory.remove)
}
