import { createServer, type Server } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import type { Duplex } from 'node:stream'
import { createServer as createTlsServer } from 'node:tls'
import { afterEach, describe, expect, test } from 'vitest'
import { createPoster } from '../../../../src/operations/webhooks/delivery/http-client.ts'
import { openGate } from '../../../../src/probes/network/guarded-connect.ts'
import { createAuthority } from '../../../support/certificates.ts'
import { connectorForFile } from '../../../support/connectors.ts'
import { listen } from '../../../support/listen.ts'
import { startReceiver } from '../../../support/receiver.ts'

const connector = connectorForFile()
const closers: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

interface PosterSettings {
  allow?: string
  never?: { address: string; port: number }[]
  plainHttp?: boolean
  ca?: string
  timeoutMs?: number
}
const open = ({ allow = '127.0.0.0/8', never = [], plainHttp = false, ca, timeoutMs = 2_000 }: PosterSettings = {}) => {
  const { connect } = openGate({ connector, allow: [{ cidr: allow }], never, timeoutMs: 2_000 })
  const poster = createPoster({ connect, timeoutMs, plainHttp, ...(ca && { ca }) })
  closers.push(poster.close)
  return (url: string) => poster.post({ url, headers: {}, body: '{}' })
}
const start = async (tls?: { cert: string; key: string }) => {
  const receiver = await startReceiver(tls)
  closers.push(receiver.close)
  return receiver
}
const serve = async (server: Server) => {
  const { port, close } = await listen(server)
  closers.push(close)
  return `http://127.0.0.1:${port}/`
}

describe('a post', () => {
  test('goes over TLS, and only to whom the certificate names', async () => {
    const authority = await createAuthority('Receivers')
    const request = { commonName: 'localhost', subjectAltName: 'DNS:localhost' }
    const { url } = await start(await authority.issue(request))
    const trusted = open({ ca: authority.ca })
    expect(await trusted(url)).toMatchObject({ status: 204, error: null })
    expect(await trusted(url.replace('localhost', '127.0.0.1'))).toMatchObject({ status: null })
    expect(await open()(url)).toMatchObject({ status: null, error: expect.stringMatching(/certificate/) })
  })

  test('reaches a receiver whose authority has a curve without a NIST name', async () => {
    const authority = await createAuthority('Receivers', 'brainpool')
    const request = { commonName: 'localhost', subjectAltName: 'DNS:localhost' }
    const { url } = await start(await authority.issue(request))
    const trusted = open({ ca: authority.ca })
    expect(await trusted(url)).toMatchObject({ status: 204, error: null })
    const unnamed = await trusted(url.replace('localhost', '127.0.0.1'))
    expect(unnamed).toMatchObject({ status: null, error: expect.stringMatching(/certificate does not name the host/) })
  })

  test('uses a connection again', async () => {
    const receiver = await start()
    const sources: (number | undefined)[] = []
    receiver.behave((_, response) => {
      sources.push(response.socket?.remotePort)
      return 204
    })
    const post = open()
    for (let i = 0; i < 3; i++) await post(receiver.url)
    expect(new Set(sources).size).toBe(1)
  })

  test.each([
    ['where the allow-list does not lead', { allow: '127.0.0.2/32' }],
    ['to the metadata service, for any allowed networks', { allow: '0.0.0.0/0' }, 'http://169.254.169.254/'],
  ] as const)('never goes %s', async (_, request, url?: string) => {
    const receiver = await start()
    expect(await open(request)(url ?? receiver.url)).toMatchObject({ status: null, error: 'egress-denied' })
    expect(receiver.received).toEqual([])
  })

  test('never goes to the listener of the service itself', async () => {
    const receiver = await start()
    const never = [{ address: '0.0.0.0', port: Number(new URL(receiver.url).port) }]
    expect(await open({ never })(receiver.url)).toMatchObject({ error: 'egress-denied' })
  })

  test('drops the connection of an endless response, and uses the head of the response', async () => {
    let written = 0
    const dropped = Promise.withResolvers<void>()
    const url = await serve(
      createServer((_, response) => {
        const write = () => {
          while (!response.destroyed && response.write(Buffer.alloc(16_384))) written += 16_384
        }
        response
          .on('error', () => {})
          .on('drain', write)
          .on('close', dropped.resolve)
        write()
      }),
    )
    expect(await open()(url)).toMatchObject({ status: 200 })
    await dropped.promise
    expect(written).toBeLessThan(64 * 1024 * 1024)
  })

  test('heeds how long the receiver wants to be left alone', async () => {
    const url = await serve(createServer((_, response) => response.writeHead(429, { 'retry-after': '7' }).end()))
    expect(await open()(url)).toMatchObject({ status: 429, retryAfterSeconds: 7 })
  })

  test('respects a Retry-After date of the receiver', async () => {
    const date = new Date(Date.now() + 90_000).toUTCString()
    const url = await serve(createServer((_, response) => response.writeHead(503, { 'retry-after': date }).end()))
    const { retryAfterSeconds } = await open()(url)
    expect(retryAfterSeconds).toBeGreaterThan(80)
    expect(retryAfterSeconds).toBeLessThanOrEqual(90)
  })
})

describe('a post settles, with an error, when the receiver', () => {
  const switching = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'
  const behaviours: [string, (socket: Duplex) => unknown][] = [
    ['switches protocols and stays silent', (socket) => socket.write(switching)],
    ['switches protocols and closes', (socket) => socket.end(switching)],
    ['closes immediately', (socket) => socket.end()],
    ['resets', (socket) => socket.destroy()],
    ['never responds', () => {}],
    ['closes within the status line', (socket) => socket.end('HTTP/1.1 2')],
    ['stops within the headers', (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Le')],
    ['closes within the headers', (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Le')],
    ['sends early hints and no more', (socket) => socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n')],
    ['continues and says no more', (socket) => socket.write('HTTP/1.1 100 Continue\r\n\r\n')],
    ['is no HTTP server', (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n')],
    ['sends endless headers', (socket) => socket.write(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(200_000)}`)],
  ]
  const withReader = (behave: (socket: Duplex) => unknown) => (socket: Duplex) => {
    socket.on('error', () => {}).once('data', () => behave(socket))
  }

  test.each(behaviours)('%s', async (_, behave) => {
    const { port, close } = await listen(createTcpServer(withReader(behave)))
    closers.push(close)
    const attempt = await open({ timeoutMs: 500 })(`http://127.0.0.1:${port}/`)
    expect(attempt).toMatchObject({ status: null, error: expect.stringMatching(/./) })
    expect(attempt.durationMs).toBeLessThan(30_000)
  })

  test.each(behaviours)('over TLS %s', async (_, behave) => {
    const authority = await createAuthority('Receivers')
    const { cert, key } = await authority.issue({ commonName: 'localhost', subjectAltName: 'IP:127.0.0.1' })
    const { port, close } = await listen(createTlsServer({ cert, key }, withReader(behave)))
    closers.push(close)
    const attempt = await open({ timeoutMs: 500, ca: authority.ca })(`https://127.0.0.1:${port}/`)
    expect(attempt).toMatchObject({ status: null, error: expect.stringMatching(/./) })
  })

  test('speaks no TLS, or closes within the handshake', async () => {
    for (const behave of behaviours.map(([, behave]) => behave).slice(2, 5)) {
      const { port, close } = await listen(createTcpServer(withReader(behave)))
      closers.push(close)
      expect(await open({ timeoutMs: 500 })(`https://127.0.0.1:${port}/`)).toMatchObject({ status: null })
    }
  })

  test('takes early hints for what they are, and the response after them', async () => {
    const early = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n'
    const { port, close } = await listen(createTcpServer(withReader((socket) => socket.write(early))))
    closers.push(close)
    expect(await open()(`http://127.0.0.1:${port}/`)).toMatchObject({ status: 204, error: null })
  })
})
