import { connect } from 'node:net'
import { createServer } from 'node:tls'
import { type Authority, createAuthority } from './certificates.ts'
import { type Listening, listen } from './listen.ts'

export interface TlsFront extends Listening {
  url: string
  authority: Authority
}

/** A TLS proxy in front of a plain HTTP service, with a new authority. */
export async function startTlsFront(serviceUrl: string): Promise<TlsFront> {
  const authority = await createAuthority('Portwarden Front CA')
  const { cert, key } = await authority.issue({ commonName: 'front', subjectAltName: 'IP:127.0.0.1,IP:192.0.2.2' })
  const { hostname, port } = new URL(serviceUrl)
  const server = createServer({ cert, key }, (from) => {
    const to = connect({ host: hostname, port: Number(port) })
    from.on('error', () => to.destroy()).pipe(to)
    to.on('error', () => from.destroy()).pipe(from)
  })
  server.on('tlsClientError', () => {})
  const listening = await listen(server)
  return { ...listening, authority, url: `https://${listening.host}:${listening.port}` }
}
