import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { respondToClientError } from '../../../src/api/http/listener.ts'
import { type Certificate, peerAuthority } from '../../support/certificates.ts'
import { type Listening, listen } from '../../support/listen.ts'

const short = { headersTimeout: 200, requestTimeout: 200, connectionsCheckingInterval: 50 }
let certificate: Certificate
const servers: Listening[] = []
beforeAll(async () => {
  const authority = await peerAuthority()
  certificate = await authority.issue({ commonName: 'a', subjectAltName: 'IP:127.0.0.1' })
  const { cert, key } = certificate
  for (const server of [http.createServer(short), https.createServer({ ...short, cert, key })]) {
    server.on('clientError', respondToClientError)
    servers.push(await listen(server))
  }
})
afterAll(() => Promise.all(servers.map(({ close }) => close())))

describe.each([
  ['plain', 0],
  ['TLS', 1],
])('a %s connection', (_, index) => {
  const open = async () => {
    const { port = 0 } = servers[index] ?? {}
    const socket =
      index === 1 ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }) : connect(port, '127.0.0.1')
    await once(socket, index === 1 ? 'secureConnect' : 'connect')
    return socket
  }

  test('that was opened in advance and never used is closed without a response', async () => {
    expect(await text(await open())).toBe('')
  })

  test('with an incomplete request gets 408', async () => {
    const socket = await open()
    socket.write('GET / HTTP/1.1\r\nHost: a')
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 408 /)
  })
})
