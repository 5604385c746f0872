import { writeFile } from 'node:fs/promises'
import { freePort } from '../ports.ts'
import { spawnPeer } from '../processes.ts'
import { makeTempDir } from '../temp-dir.ts'
import { asPeer, type Peer } from './peer.ts'

interface Backend {
  host: string
  port: number
}

interface TlsMultiplexer extends Peer {
  host: string
  port: number
}

/** A real haproxy that passes TLS to one server and everything else to another, on one port. */
export async function startTlsMultiplexer({ tls, clear }: { tls: Backend; clear: Backend }): Promise<TlsMultiplexer> {
  const directory = await makeTempDir('multiplexer')
  try {
    const [host, port] = ['127.0.0.1', await freePort()]
    const file = `${directory.path}/haproxy.cfg`
    await writeFile(
      file,
      `
defaults
  mode tcp
  timeout connect 10s
  timeout client 60s
  timeout server 60s
frontend both
  bind ${host}:${port}
  tcp-request inspect-delay 5s
  tcp-request content accept if { req.ssl_hello_type 1 }
  use_backend tls if { req.ssl_hello_type 1 }
  default_backend clear
backend tls
  server one ${tls.host}:${tls.port}
backend clear
  server one ${clear.host}:${clear.port}
`,
    )
    const haproxy = await spawnPeer('haproxy', ['-W', '-db', '-f', file], { ready: /Loading success/ })
    return asPeer({ host, port }, haproxy.end, directory.remove)
  } catch (error) {
    await directory.remove()
    throw error
  }
}
