import { constants as tlsOptions } from 'node:crypto'
import { once } from 'node:events'
import { constants, type ServerHttp2Stream } from 'node:http2'
import net from 'node:net'
import tls from 'node:tls'
import { describe, expect, test } from 'vitest'
import type { OptionsByProtocol } from '../../../src/domain/protocols/index.ts'
import { probeHttps } from '../../../src/probes/https/probe.ts'
import { listen } from '../../support/listen.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { hostile, type Step, startHostile } from '../../support/peers/hostile.ts'
import { startHttp, startHttp2, startHttps } from '../../support/peers/https.ts'
import { startNginx } from '../../support/peers/nginx.ts'
import { startTls, tlsCertificate } from '../../support/peers/tls.ts'
import { probeIo } from '../../support/probe-io.ts'
import { run } from '../../support/processes.ts'

/** An empty SETTINGS frame, RFC 9113 section 6.5. */
const settingsFrame = '\0\0\0\x04\0\0\0\0\0'

type HttpsOptions = OptionsByProtocol['https']
interface AuditSelection extends HttpsOptions {
  host?: string
  deadlineMs?: number
}

function runProbe(
  peer: { host: string; port: number },
  { host = '127.0.0.1', deadlineMs = 5_000, ...options }: AuditSelection = {},
) {
  return probeHttps({ host, address: peer.host, port: peer.port }, options, probeIo({ deadlineMs }))
}

describeWithPeers(['nginx', 'openssl', 'curl'], 'HTTPS of a real nginx', () => {
  test('status, Server and HSTS are those that curl prints, besides the TLS facts', async () => {
    await using nginx = await startNginx({ hsts: 'max-age=31536000; includeSubDomains' })
    const { state, reason, facts } = await runProbe(nginx, { trustedCa: nginx.ca })
    expect({ state, reason }).toEqual({ state: 'open', reason: 'http-responded' })
    const url = `https://${nginx.host}:${nginx.port}/`
    const { stdout } = await run('curl', ['--silent', '--head', '--cacert', nginx.caPath, url])
    const header = (name: string) => new RegExp(`^${name}: (.*)\r$`, 'im').exec(stdout)?.[1]
    expect(facts.http).toEqual({ status: 200, server: header('server'), hsts: header('strict-transport-security') })
    expect(facts.http?.hsts).toBe('max-age=31536000; includeSubDomains')
    expect(facts).toMatchObject({ protocol: 'TLSv1.3', alpn: 'http/1.1', trusted: true, nameMatches: true })
  })

  test('a plain request on the TLS port gets 400 in clear', async () => {
    await using nginx = await startNginx()
    const { reason, facts } = await runProbe(nginx, { plainHttp: true })
    expect(reason).toBe('http-responded')
    const server = expect.stringMatching(/^nginx/)
    expect(facts).toEqual({ plainHttp: { answered: true, status: 400, server, tls: 'spoken' } })
  })

  test('a plain request on the plain port is served', async () => {
    await using nginx = await startNginx()
    const { facts } = await runProbe({ host: nginx.host, port: nginx.httpPort }, { plainHttp: true })
    expect(facts.plainHttp).toMatchObject({ answered: true, status: 200 })
  })

  test('the versions that a rule names are offered', async () => {
    await using nginx = await startNginx({ protocols: 'TLSv1.2' })
    const { reason, facts } = await runProbe(nginx, { offerVersions: ['TLSv1.1', 'TLSv1.2', 'TLSv1.3'] })
    expect(reason).toBe('http-responded')
    expect(facts.versions).toEqual({ 'TLSv1.1': 'refused', 'TLSv1.2': 'accepted', 'TLSv1.3': 'refused' })
  })
})

describeWithPeers(['nginx', 'curl'], 'nginx that closes the connections of all but browsers', () => {
  test('responds to GET', async () => {
    await using nginx = await startNginx({ extra: 'if ($http_user_agent !~ Mozilla) { return 444; }' })
    expect(await runProbe(nginx)).toMatchObject({ reason: 'http-responded', facts: { http: { status: 200 } } })
    const args = ['-s', '-k', '-o', '/dev/null', '-w', '%{http_code}', `https://${nginx.host}:${nginx.port}/`]
    expect((await run('curl', args)).stdout).toBe('000')
    expect((await run('curl', ['-A', 'Mozilla/5.0', ...args])).stdout).toBe('200')
  })
})

describeWithPeers(['openssl'], 'HTTPS', () => {
  test('sends one HEAD request with a User-Agent', async () => {
    await using peer = await startHttps({ status: 503 })
    expect((await runProbe(peer)).facts.http).toEqual({ status: 503 })
    expect(peer.requests).toEqual([{ method: 'HEAD', path: '/', userAgent: 'portwarden tests' }])
  })

  test('header values are escaped and bounded; of HSTS the first counts', async () => {
    const head = [
      ...['HTTP/1.1 200 OK', 'server: caf\xc3\xa9\ttab', `x: ${'y'.repeat(2_000)}`],
      ...['strict-transport-security: max-age=1', 'strict-transport-security: max-age=2', '', ''],
    ]
    const { facts } = await requestInside([{ receive: 1 }, { send: Buffer.from(head.join('\r\n'), 'latin1') }, 'hang'])
    expect(facts.http).toEqual({ status: 200, server: 'caf\\xc3\\xa9\\x09tab', hsts: 'max-age=1' })
    const long = `HTTP/1.1 200 OK\r\nserver: ${'z'.repeat(9_000)}\r\n\r\n`
    expect((await requestInside([{ receive: 1 }, { send: long }, 'hang'])).facts.http?.server).toHaveLength(300)
  })

  test('an informational response is skipped, an upgrade counts', async () => {
    const early = 'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n'
    expect((await requestInside([{ receive: 1 }, { send: early }, 'hang'])).facts.http).toEqual({ status: 204 })
    const upgrade = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'
    expect((await requestInside([{ receive: 1 }, { send: upgrade }, 'hang'])).facts.http).toEqual({ status: 101 })
  })

  test.each<[string, string, Step[]]>([
    ['garbage', 'protocol-mismatch', [{ send: 'SSH-2.0-x\r\n' }, 'hang']],
    ['a close', 'connection-closed', [{ receive: 1 }, 'end']],
    ['a reset', 'connection-reset', [{ receive: 1 }, 'reset']],
    ['silence', 'protocol-timeout', ['hang']],
    ['half a status line and a close', 'connection-closed', [{ receive: 1 }, { send: 'HTTP/1.1 20' }, 'end']],
    ['half a head and a reset', 'connection-reset', [{ receive: 1 }, { send: 'HTTP/1.1 200 OK\r\nse' }, 'reset']],
    ['an endless head', 'response-too-large', [{ send: `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(9e4)}` }, 'hang']],
    [
      'endless informational responses',
      'response-too-large',
      [{ send: 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(4_000) }, 'hang'],
    ],
  ])('%s inside TLS gives %s, with the TLS facts', async (_what, reason, script) => {
    const seen = await requestInside(script, 1_000)
    expect(seen).toMatchObject({ state: 'open', reason, facts: { protocol: 'TLSv1.3', nameMatches: true } })
    expect(seen.facts).not.toHaveProperty('http')
  })

  test.each(['client-certificate-tls1.2', 'client-certificate-tls1.3'] as const)(
    '%s: a required client certificate is reported',
    async (variant) => {
      await using peer = await startTls(variant)
      const { reason, facts } = await runProbe(peer, { trustedCa: peer.ca })
      expect(reason).toBe('tls-client-certificate-required')
      expect(facts).toMatchObject({ clientCertificate: 'required', trusted: true })
    },
  )

  test('openssl s_server closes without a response to plain HTTP', async () => {
    await using peer = await startTls('good')
    expect(await runProbe(peer, { plainHttp: true })).toEqual({
      ...{ state: 'open', reason: 'connection-closed' },
      facts: { plainHttp: { answered: false }, spoke: 'nothing' },
    })
  })

  /** Probes a peer that follows the script inside TLS. */
  async function requestInside(script: readonly Step[], deadlineMs?: number) {
    const { cert, key } = await tlsCertificate('good')
    await using peer = await startHostile([{ upgrade: { cert, key } }, ...script])
    return await runProbe(peer, { deadlineMs })
  }
})

describeWithPeers(['openssl', 'curl'], 'HTTP/2', () => {
  test('a server of HTTP/2 alone responds as it does to curl', async () => {
    const headers = { server: 'caf\u00e9', 'strict-transport-security': 'max-age=1' }
    await using peer = await startHttp2({ status: 404, headers })
    const { state, reason, facts } = await runProbe(peer)
    expect({ state, reason }).toEqual({ state: 'open', reason: 'http-responded' })
    expect(facts).toMatchObject({ alpn: 'h2', http: { status: 404, server: 'caf\\xe9', hsts: 'max-age=1' } })
    const url = `https://${peer.host}:${peer.port}/`
    const { stdout } = await run('curl', [
      '-sk',
      '--head',
      '-w',
      '%{http_version} %{http_code}',
      '-o',
      '/dev/null',
      url,
    ])
    expect(stdout).toBe('2 404')
    expect(peer.requests[0]).toEqual({ method: 'HEAD', path: '/', userAgent: 'portwarden tests' })
    const { code } = await run('curl', ['-sk', '--http1.1', url])
    expect(code).not.toBe(0)
  })

  test.each([
    [
      'a stream error',
      'connection-closed',
      (stream: ServerHttp2Stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM),
    ],
    ['a GOAWAY', 'connection-closed', (stream: ServerHttp2Stream) => stream.session?.goaway(2)],
    ['silence', 'protocol-timeout', () => {}],
  ])('%s in response gives %s', async (_what, reason, onStream) => {
    await using peer = await startHttp2({ onStream: (stream) => onStream(stream.on('error', () => {})) })
    const seen = await runProbe(peer, { deadlineMs: 1_000 })
    expect(seen).toMatchObject({ state: 'open', reason, facts: { alpn: 'h2' }, tls: { reason: 'tls-ok' } })
  })

  test.each<[string, string, Step[]]>([
    ['HTTP/1.1', 'protocol-mismatch', [{ receive: 1 }, { send: 'HTTP/1.1 400 Bad Request\r\n\r\n' }, 'hang']],
    ['a close', 'connection-closed', [{ receive: 1 }, 'end']],
    ['a flood', 'response-too-large', [{ receive: 1 }, { send: settingsFrame.repeat(9_000) }, 'hang']],
  ])('%s after an agreement on h2 gives %s', async (_what, reason, script) => {
    const { cert, key } = await tlsCertificate('good')
    await using peer = await startHostile([{ upgrade: { cert, key, ALPNProtocols: ['h2'] } }, ...script])
    expect(await runProbe(peer, { deadlineMs: 2_000 })).toMatchObject({ reason, facts: { alpn: 'h2' } })
  })

  test('a server that demands HTTP/1.1 gets it on another connection', async () => {
    const onStream = (stream: ServerHttp2Stream) =>
      stream.on('error', () => {}).close(constants.NGHTTP2_HTTP_1_1_REQUIRED)
    await using peer = await startHttp2({ allowHttp1: true, onStream })
    const { reason, facts } = await runProbe(peer)
    expect({ reason, alpn: facts.alpn, http: facts.http }).toEqual({
      ...{ reason: 'http-responded', alpn: 'h2' },
      http: { status: 200 },
    })
  })
})

describe('plain HTTP', () => {
  test('is requested with host and port, in clear', async () => {
    await using peer = await startHttp({ headers: { server: 'plain/1' } })
    const seen = await runProbe(peer, { plainHttp: true })
    expect(seen).toEqual({
      ...{ state: 'open', reason: 'http-responded' },
      facts: { plainHttp: { answered: true, status: 200, server: 'plain/1' } },
    })
    expect(peer.requests).toEqual([
      { method: 'GET', path: '/', userAgent: 'Mozilla/5.0 (compatible; portwarden tests)' },
    ])
  })

  test.each([
    ['name.lab.test', 'Host: name.lab.test:'],
    ['name.lab.test.', 'Host: name.lab.test:'],
    ['2001:db8::1', 'Host: [2001:db8::1]:'],
  ])('the Host header of %s', async (host, header) => {
    await using peer = await startHostile(hostile.http)
    await runProbe(peer, { plainHttp: true, host })
    expect(String(peer.received[0])).toContain(`${header}${peer.port}\r\n`)
    expect(String(peer.received[0])).toMatch(/^GET \/ HTTP\/1\.1\r\n(.+\r\n)*Connection: close\r\n/)
  })

  test.each<[string, string, object, Step[]]>([
    [
      'an alert',
      'protocol-mismatch',
      { alert: 70 },
      [{ receive: 1 }, { send: Buffer.of(21, 3, 1, 0, 2, 2, 70) }, 'end'],
    ],
    ['SSH', 'protocol-mismatch', { spoke: 'ssh' }, hostile.ssh],
    ['SMTP', 'protocol-mismatch', { spoke: 'smtp' }, hostile.smtp],
    [
      'garbage',
      'protocol-mismatch',
      { spoke: 'other', plainHttp: { answered: true, version: 'HTTP/0.9' } },
      hostile.garbage,
    ],
    ['silence', 'protocol-timeout', { spoke: 'nothing' }, hostile.silent],
    ['a close', 'connection-closed', { spoke: 'nothing' }, [{ receive: 1 }, 'end']],
    ['a reset', 'connection-reset', { spoke: 'nothing' }, [{ receive: 1 }, 'reset']],
    [
      'half a status line',
      'connection-closed',
      { spoke: 'http', plainHttp: { answered: true } },
      [{ receive: 1 }, { send: 'HTTP/1.1 2' }, 'end'],
    ],
    [
      'a head without end',
      'http-responded',
      { plainHttp: { answered: true, status: 200 } },
      [{ send: `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(9e4)}` }],
    ],
  ])('%s in response gives %s', async (_what, reason, facts, script) => {
    await using peer = await startHostile(script)
    const seen = await runProbe(peer, { plainHttp: true, deadlineMs: 500 })
    expect(seen).toEqual({ state: 'open', reason, facts: { plainHttp: { answered: false }, ...facts } })
  })

  test('a plain server on a TLS port is reported by its protocol', async () => {
    await using peer = await startHttp()
    const mismatch = { state: 'open', reason: 'protocol-mismatch', facts: { spoke: 'http' } }
    expect(await runProbe(peer)).toEqual({ ...mismatch, tls: mismatch })
  })

  test('the one connection ends with FIN', async () => {
    const server = net.createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const accepted = once(server, 'connection')
    const seen = runProbe({ host: '127.0.0.1', port: (server.address() as net.AddressInfo).port }, { plainHttp: true })
    const [socket] = (await accepted) as [net.Socket]
    socket.end('HTTP/1.1 200 OK\r\n\r\n')
    socket.resume()
    await once(socket, 'end') // a reset would be an 'error', and once() would throw it
    expect((await seen).facts.plainHttp?.status).toBe(200)
    server.close()
    await once(server, 'close')
  })
})

describeWithPeers(['openssl'], 'a server that asks for a client certificate and demands none', () => {
  test.each([
    ['with session tickets', 0],
    ['without session tickets', tlsOptions.SSL_OP_NO_TICKET],
  ])('is not said to demand one where it closes for another reason, %s', async (_what, secureOptions) => {
    const { cert, key } = await tlsCertificate('good')
    const server = tls.createServer(
      { cert, key, requestCert: true, rejectUnauthorized: false, secureOptions },
      (socket) => socket.on('error', () => {}).once('data', () => socket.end()),
    )
    const { host, port, close } = await listen(server)
    const seen = await runProbe({ host, port })
    await close()
    expect(seen.reason).toBe('connection-closed')
    expect(seen.facts).not.toHaveProperty('clientCertificate')
  })
})
