import net from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Certificate } from '../certificates.ts'
import { listen } from '../listen.ts'
import { asPeer, type Peer } from './peer.ts'
import { tlsCertificate } from './tls.ts'

/** The response to a request; undefined: closes without one. */
type Respond = (request: string) => string | undefined

interface ClearAndTlsOptions {
  clear: Respond
  /** Default: status 200. */
  inside?: Respond
  /** Default: of `tlsHostName`. */
  certificate?: Certificate
}

interface ClearAndTls extends Peer {
  host: string
  port: number
  /** The first bytes of each connection, as text. */
  requests: readonly string[]
}

/** A multiplexer: one port that responds to TLS and in clear. */
export async function startClearAndTls(options: ClearAndTlsOptions): Promise<ClearAndTls> {
  const { clear, inside = () => 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n' } = options
  const { cert, key } = options.certificate ?? (await tlsCertificate('good'))
  const requests: string[] = []
  const converse = (socket: net.Socket, respond: Respond) =>
    socket
      .on('error', () => {}) // the client went away
      .once('data', (bytes) => socket.end(respond(bytes.toString('latin1')) ?? ''))
  const server = net.createServer((socket) => {
    socket
      .on('error', () => {})
      .once('data', (bytes) => {
        requests.push(bytes.toString('latin1'))
        socket.pause().unshift(bytes)
        if (bytes[0] === 0x16) converse(new TLSSocket(socket, { isServer: true, cert, key }), inside)
        else converse(socket, clear).resume()
      })
  })
  const { host, port, close } = await listen(server)
  return asPeer({ host, port, requests }, close)
}
