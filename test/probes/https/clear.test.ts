import { createServer } from 'node:http2'
import { createServer as createNetServer } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { HttpsFacts } from '../../../src/domain/protocols/https.ts'
import { peerAuthority } from '../../support/certificates.ts'
import { listen } from '../../support/listen.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { type Step, startHostile } from '../../support/peers/hostile.ts'
import { startReverseProxy } from '../../support/peers/reverse-proxy.ts'
import { startTls } from '../../support/peers/tls.ts'
import { at, curl, curlTakes, judgeClear, redirects, request } from './judge-clear.ts'

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'

describeWithPeers(['curl', 'openssl'], 'what curl takes for a response in clear is served', () => {
  test.each<[string, HttpsFacts['plainHttp'], Step[]]>([
    ['a usual response', { answered: true, status: 200 }, [request, { send: ok }]],
    ['line feeds alone', { answered: true, status: 200 }, [request, { send: ok.replaceAll('\r', '') }]],
    ['a page without a head', { answered: true, version: 'HTTP/0.9' }, [request, { send: '<html>hi</html>' }]],
    ['text without a head', { answered: true, version: 'HTTP/0.9' }, [request, { send: 'hello' }]],
    ['a page without a head, before the request', { answered: true, version: 'HTTP/0.9' }, [{ send: '<p>hi</p>' }]],
    ['a response before the request', { answered: true, status: 200 }, [{ send: ok }]],
    [
      'two lengths',
      { answered: true, status: 200 },
      [request, { send: ok.replace('Content', 'Content-Length: 7\r\nContent') }],
    ],
    [
      'a length and chunks',
      { answered: true, status: 200 },
      [request, { send: ok.replace('Content', 'Transfer-Encoding: chunked\r\nContent') }],
    ],
    ['blank lines before it', { answered: true, status: 200 }, [request, { send: `\r\n\r\n${ok}` }]],
    ['a folded header', { answered: true, status: 200 }, [request, { send: ok.replace('OK', 'OK\r\nX: a\r\n b') }]],
    ['no reason phrase', { answered: true, status: 200 }, [request, { send: ok.replace(' OK', '') }]],
    ['a lower-case version', { answered: true, status: 200 }, [request, { send: ok.replace('HTTP', 'http') }]],
    ['spaces before the status', { answered: true, status: 200 }, [request, { send: ok.replace(' 200', '   200') }]],
    ['another version', { answered: true, status: 200 }, [request, { send: ok.replace('1.1', '2') }]],
    ['ICY', { answered: true, version: 'HTTP/0.9' }, [request, { send: 'ICY 200 OK\r\nicy-br: 64\r\n\r\nmp3' }]],
    ['a head without an end', { answered: true, status: 200 }, [request, { send: 'HTTP/1.1 200 OK\r\nX: a\r\n' }]],
    ['100 before it', { answered: true, status: 200 }, [request, { send: `HTTP/1.1 100 Continue\r\n\r\n${ok}` }]],
    ['an informational response alone', { answered: true, status: 103 }, [request, { send: 'HTTP/1.1 103 x\r\n\r\n' }]],
    ['an upgrade', { answered: true, status: 101 }, [request, { send: 'HTTP/1.1 101 x\r\nUpgrade: y\r\n\r\n' }]],
    [
      'bytes of no charset',
      { answered: true, status: 200 },
      [request, { send: Buffer.from(`${ok.slice(0, 17)}X\xff\xfe: \x80\r\n\r\n\xff\0\xff`, 'latin1') }],
    ],
    ['garbage', { answered: true, version: 'HTTP/0.9' }, [request, { send: Buffer.of(1, 2, 0, 250, 251) }]],
    [
      'a broken gzip',
      { answered: true, status: 200 },
      [request, { send: ok.replace('Content', 'Content-Encoding: gzip\r\nContent') }],
    ],
    ['a redirect to HTTP', { answered: true, status: 301, location: 'http://x.test' }, redirects('http://x.test/a?b')],
  ])('%s', async (_what, plainHttp, script) => {
    await using peer = await startHostile([...script, 'end'])
    expect(await curlTakes(peer, '--http0.9')).toBe(true)
    const seen = await judgeClear(peer)
    expect(seen).toMatchObject({ verdict: expect.stringMatching(/^fail plain-(http|data)-served$/), plainHttp })
  })

  test.each<[string, HttpsFacts['plainHttp'], Step[]]>([
    ['an unknown version', { answered: true, status: 200 }, [request, { send: ok.replace('1.1', '1.7') }]],
    ['a status without digits', { answered: true }, [request, { send: 'HTTP/1.1 fine\r\n\r\n' }]],
    ['a status of four digits', { answered: true }, [request, { send: 'HTTP/1.1 4000 no\r\n\r\n' }]],
    ['half a status line', { answered: true }, [request, { send: 'HTTP/1.1 2' }]],
  ])('%s, which curl refuses, is a response in clear all the same', async (_what, plainHttp, script) => {
    await using peer = await startHostile([...script, 'end'])
    expect(await judgeClear(peer)).toMatchObject({ verdict: 'fail plain-http-served', plainHttp })
  })

  test('a head of 100 KB', async () => {
    await using peer = await startHostile([
      request,
      { send: `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(1e5)}\r\n\r\n` },
      'end',
    ])
    expect(await curlTakes(peer)).toBe(true)
    expect((await judgeClear(peer)).verdict).toBe('fail plain-http-served')
  })

  test.each(['closes on HEAD', 'is silent on HEAD'])('a server that %s and serves GET', async (what) => {
    const isSilent = what.startsWith('is silent')
    const serve = (bytes: Buffer) => (String(bytes).startsWith('GET ') ? ok : '')
    await using peer = await startHostile([{ reply: serve }, isSilent ? 'hang' : 'end'])
    expect(await curlTakes(peer)).toBe(true)
    expect((await judgeClear(peer, { deadlineMs: 2_000 })).verdict).toBe('fail plain-http-served')
  })

  test.each([
    ['a status', 200],
    ['an excusable status, without TLS', 404],
  ])('HTTP/2 with prior knowledge: %s', async (_what, status) => {
    const server = createServer((_request, response) => void response.writeHead(status).end('hi'))
    const { port, close } = await listen(server as never)
    onTestFinished(close)
    expect(await curlTakes({ port }, '--http2-prior-knowledge')).toBe(true)
    const { verdict, plainHttp } = await judgeClear({ port })
    expect(verdict).toBe('fail plain-http-served')
    expect(plainHttp).toMatchObject({ answered: true, status, version: 'HTTP/2' })
  })

  test('an HTTP/2 server that resets every stream speaks in clear', async () => {
    const server = createServer().on('stream', (stream) => stream.on('error', () => {}).close(8))
    const { port, close } = await listen(server as never)
    onTestFinished(close)
    const { verdict, plainHttp } = await judgeClear({ port })
    expect({ verdict, plainHttp }).toEqual({
      verdict: 'fail plain-http-served',
      plainHttp: { answered: true, version: 'HTTP/2' },
    })
  })
})

describeWithPeers(['nginx', 'haproxy', 'apache', 'curl', 'openssl'], 'real servers in clear', () => {
  const name = 'www.lab.test'
  const certificateOf = async () =>
    (await peerAuthority()).issue({ commonName: name, subjectAltName: `DNS:${name},IP:127.0.0.1` })
  const tlsLines = `
    ssl_certificate /etc/ssl/portwarden.pem;
    ssl_certificate_key /etc/ssl/portwarden.key;`

  /** Starts the server with this configuration, runs curl in clear, and judges. */
  async function compare(
    kind: 'nginx' | 'haproxy' | 'apache',
    config: string | undefined,
    { host = '127.0.0.1', agent = [] as string[] } = {},
  ) {
    const certificate = await certificateOf()
    const edit = config === undefined ? {} : { edit: () => config }
    await using server = await startReverseProxy(kind, { upstream: 1, certificate, ...edit })
    const resolve = ['--resolve', `${host}:${server.port}:127.0.0.1`]
    const { stdout } = await curl(...resolve, ...agent, '-o', '/dev/null', '-w', '%{http_code}', at(server, host))
    const { verdict, plainHttp } = await judgeClear(server, { host })
    return { curl: stdout, verdict, ...plainHttp }
  }

  test.each([
    ['nginx', '400', 'pass as-expected'],
    ['apache', '400', 'pass as-expected'],
    ['haproxy', '000', 'pass as-expected'],
  ] as const)('the TLS port of %s refuses plain HTTP (%s)', async (kind, status, verdict) => {
    expect(await compare(kind, undefined)).toMatchObject({ curl: status, verdict })
  })

  const named = `
    server { listen 443 default_server; return 400; }
    server { listen 443; server_name ${name}; location / { return 200 "page"; } }`

  test('nginx with 400 by default and a page for a name fails, with the name and with the address', async () => {
    expect(await compare('nginx', named, { host: name })).toMatchObject({
      curl: '200',
      verdict: 'fail plain-http-served',
    })
    expect(await compare('nginx', named)).toMatchObject({
      curl: '400',
      verdict: 'fail plain-http-served',
      tls: 'absent',
    })
  })

  test('nginx that closes the connections of all but browsers fails if it serves them', async () => {
    const config = `
    server {
      listen 443;
      if ($http_user_agent !~ Mozilla) { return 444; }
      location / { return 200 "page"; }
    }`
    expect(await compare('nginx', config)).toMatchObject({ curl: '000', verdict: 'fail plain-http-served' })
    const agent = ['--user-agent', 'Mozilla/5.0 (X11; Linux x86_64)']
    expect(await compare('nginx', config, { agent })).toMatchObject({ curl: '200' })
  })

  test.each([
    ['=403 /refused', '403', 'pass as-expected'],
    ['=404 /refused', '404', 'pass as-expected'],
    ['=426 /refused', '426', 'pass as-expected'],
    ['https://$host:$server_port$request_uri', '302', 'pass as-expected'],
    ['=301 https://$host:$server_port$request_uri', '301', 'pass as-expected'],
    ['=200 /page', '200', 'fail plain-http-served'],
    ['=301 https://elsewhere.test/', '301', 'fail plain-http-served'],
  ])('nginx with error_page 497 %s', async (page, status, verdict) => {
    const [code = ''] = /\d+/.exec(page) ?? []
    const config = `
    server {
      listen 443 ssl; ${tlsLines}
      error_page 497 ${page};
      location / { return 200 "page"; }
      location = /refused { internal; return ${code || 400}; }
    }`
    expect(await compare('nginx', config)).toMatchObject({ curl: status, verdict, status: Number(status) })
  })

  test('haproxy that takes TLS and plain HTTP on one port fails, and passes if it redirects', async () => {
    const both = (rule: string) =>
      `
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend both
    mode tcp
    bind :443
    tcp-request inspect-delay 2s
    tcp-request content accept if { req.ssl_hello_type 1 }
    tcp-request content accept if HTTP
    use_backend secure if { req.ssl_hello_type 1 }
    default_backend clear
backend secure
    mode tcp
    server s abns@portwarden-secure-$PORT send-proxy-v2
backend clear
    mode tcp
    server c abns@portwarden-clear-$PORT send-proxy-v2
frontend secure-in
    bind abns@portwarden-secure-$PORT accept-proxy ssl crt /etc/ssl/portwarden-with-key.pem
    http-request return status 200 content-type text/plain string page
frontend clear-in
    bind abns@portwarden-clear-$PORT accept-proxy
    http-request ${rule}
`.replaceAll('$PORT', String(process.pid))
    expect(await compare('haproxy', both('return status 200 content-type text/plain string page'))).toMatchObject({
      ...{ curl: '200', verdict: 'fail plain-http-served' },
    })
    expect(await compare('haproxy', both('redirect scheme https'))).toMatchObject({
      curl: '302',
      verdict: 'pass as-expected',
    })
    expect(await compare('haproxy', both('deny'))).toMatchObject({ curl: '403', verdict: 'pass as-expected' })
  })

  test('haproxy with HTTP/2 alone fails', async () => {
    const config = `
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend h2
    bind :443 proto h2
    http-request return status 200 content-type text/plain string page
`
    expect(await compare('haproxy', config)).toMatchObject({ verdict: 'fail plain-http-served', version: 'HTTP/2' })
  })

  test('openssl s_server closes, which passes', async () => {
    await using peer = await startTls('good')
    expect(await curlTakes(peer, '--http0.9')).toBe(false)
    expect((await judgeClear(peer)).verdict).toBe('pass as-expected')
  })
})

describe('what is no response in clear', () => {
  test.each<[string, string, Step[]]>([
    ['an alert', 'pass as-expected', [request, { send: Buffer.of(21, 3, 1, 0, 2, 2, 70) }, 'end']],
    ['SSH', 'pass as-expected', [{ send: 'SSH-2.0-OpenSSH_9.2p1 peer\r\n' }, 'end']],
    ['SMTP, byte by byte', 'pass as-expected', [{ drip: '220 mail.lab.test ESMTP peer\r\n', everyMs: 1 }, 'hang']],
    ['a close', 'pass as-expected', [request, 'end']],
    ['a reset', 'pass as-expected', [request, 'reset']],
    ['silence', 'unknown protocol-timeout', ['hang']],
    ['half a status line and silence', 'unknown protocol-timeout', [{ send: 'HTTP/1.1 4' }, 'hang']],
    ['an informational response and silence', 'unknown protocol-timeout', [{ send: 'HTTP/1.1 100 x\r\n\r\n' }, 'hang']],
    ['half a redirect and silence', 'unknown protocol-timeout', [{ send: 'HTTP/1.1 301 x\r\nServer: x\r\n' }, 'hang']],
  ])('%s: %s', async (_what, verdict, script) => {
    await using peer = await startHostile(script)
    expect((await judgeClear(peer, { deadlineMs: 500 })).verdict).toBe(verdict)
  })

  test('a close in HTTP/1.1 and silence in HTTP/2 is undecided', async () => {
    const server = createNetServer((socket) => {
      socket.on('error', () => {}).once('data', (bytes) => String(bytes).startsWith('PRI ') || socket.end())
    })
    const { port, close } = await listen(server)
    onTestFinished(close)
    expect((await judgeClear({ port }, { deadlineMs: 500 })).verdict).toBe('unknown protocol-timeout')
  })

  test('a head whose status has come is judged, though its end has not', async () => {
    await using peer = await startHostile([{ send: 'HTTP/1.1 200 OK\r\nX: y\r\n' }, 'hang'])
    expect((await judgeClear(peer, { deadlineMs: 500 })).verdict).toBe('fail plain-http-served')
  })
})
