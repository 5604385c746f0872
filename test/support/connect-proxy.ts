import { createServer } from 'node:http'
import { connect } from 'node:net'
import { listen } from './listen.ts'
import { asPeer, type Peer } from './peers/peer.ts'

interface ConnectProxy extends Peer {
  url: string
  /** Targets of the CONNECT requests, and all data sent by clients. */
  targets: readonly string[]
  sent: () => Buffer
}

/** An HTTP CONNECT proxy (RFC 9110 section 9.3.6) that records client data. */
export async function startConnectProxy(): Promise<ConnectProxy> {
  const targets: string[] = []
  const chunks: Buffer[] = []
  const server = createServer()
  server.on('connect', ({ url = '' }, client) => {
    targets.push(url)
    const { hostname, port } = new URL(`http://${url}`)
    const upstream = connect({ host: hostname, port: Number(port) }, () => client.write('HTTP/1.1 200 OK\r\n\r\n'))
    client.on('data', (chunk: Buffer) => chunks.push(chunk))
    client.on('error', () => upstream.destroy()).pipe(upstream)
    upstream.on('error', () => client.destroy()).pipe(client)
  })
  const { host, port, close } = await listen(server)
  return asPeer({ url: `http://${host}:${port}`, targets, sent: () => Buffer.concat(chunks) }, close)
}
