import { expect, test } from 'vitest'
import { probeHttps } from '../../../src/probes/https/probe.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { type Step, startHostile } from '../../support/peers/hostile.ts'
import { tlsCertificate } from '../../support/peers/tls.ts'
import { probeIo } from '../../support/probe-io.ts'
import { run } from '../../support/processes.ts'

const request: Step = { receive: 16 }
const ok = 'HTTP/1.1 200 OK\r\nServer: peer\r\nContent-Length: 2\r\n\r\nhi'
const responded = { reason: 'http-responded', http: { status: 200, server: 'peer' } }

type Row = [what: string, script: Step[]]

/** What the probe sees of a peer that follows the script inside TLS, and how curl ends. */
async function compare(script: readonly Step[]) {
  const { cert, key } = await tlsCertificate('good')
  await using peer = await startHostile([{ upgrade: { cert, key } }, ...script, 'end'])
  const curl = await run('curl', ['-sk', '--head', '--max-time', '5', `https://127.0.0.1:${peer.port}/`])
  const { reason, facts } = await probeHttps(
    { host: '127.0.0.1', address: '127.0.0.1', port: peer.port },
    {},
    probeIo(),
  )
  return { curl: curl.code, reason, ...(facts.http && { http: facts.http }) }
}

describeWithPeers(['curl', 'openssl'], 'a response inside TLS', () => {
  test.each<Row>([
    ['line feeds alone', [request, { send: ok.replaceAll('\r', '') }]],
    ['a response before the request', [{ send: ok }]],
    ['a folded header', [request, { send: ok.replace('OK', 'OK\r\nX: a\r\n b') }]],
    ['no reason phrase', [request, { send: ok.replace(' OK', '') }]],
    ['a lower-case version', [request, { send: ok.replace('HTTP', 'http') }]],
    ['spaces before the status', [request, { send: ok.replace(' 200', '   200') }]],
    ['a header with spaces', [request, { send: ok.replace('Server:', 'Server :') }]],
    ['bytes of no charset', [request, { send: Buffer.from(ok.replace('OK', '\xff\xfe'), 'latin1') }]],
    ['a length and chunks', [request, { send: ok.replace('Con', 'Transfer-Encoding: chunked\r\nCon') }]],
    ['100 before it', [request, { send: `HTTP/1.1 100 Continue\r\n\r\n${ok}` }]],
    ['two lengths', [request, { send: ok.replace('Con', 'Content-Length: 7\r\nCon') }]],
    ['another version', [request, { send: ok.replace('1.1', '2') }]],
    ['a head without an end', [request, { send: 'HTTP/1.1 200 OK\r\nServer: peer\r\n' }]],
  ])('%s: curl takes it, and it counts', async (_what, script) => {
    expect(await compare(script)).toEqual({ curl: 0, ...responded })
  })

  test.each<Row>([
    ['a header without a colon', [request, { send: ok.replace('Server', 'garbage\r\nServer') }]],
    ['an unknown version', [request, { send: ok.replace('1.1', '1.7') }]],
    ['blank lines before it', [request, { send: `\r\n\r\n${ok}` }]],
    ['no version', [request, { send: ok.replace('HTTP/1.1', 'HTTP') }]],
  ])('%s: browsers take it, and it counts', async (_what, script) => {
    const { curl, ...seen } = await compare(script)
    expect(curl).not.toBe(0)
    expect(seen).toEqual(responded)
  })

  test.each<Row>([
    ['a status of four digits', [request, { send: ok.replace('200', '2000') }]],
    ['a status of two digits', [request, { send: ok.replace('200', '20') }]],
    ['a page without a head', [request, { send: '<html>hi</html>' }]],
    ['SSH', [request, { send: 'SSH-2.0-x\r\n' }]],
    ['ICY', [request, { send: ok.replace('HTTP/1.1', 'ICY') }]],
  ])('%s: no client takes it, and it does not count', async (_what, script) => {
    const { curl, ...seen } = await compare(script)
    expect(curl).not.toBe(0)
    expect(seen).toEqual({ reason: 'protocol-mismatch' })
  })

  test.each(['end', 'hang'] as const)(
    'a server that does not respond to HEAD (%s) and serves GET counts',
    async (end) => {
      const { cert, key } = await tlsCertificate('good')
      const serve = (bytes: Buffer) => (String(bytes).startsWith('GET ') ? ok : '')
      await using peer = await startHostile([{ upgrade: { cert, key } }, { reply: serve }, end])
      const curl = await run('curl', [
        '-sk',
        '-w',
        '%{http_code}',
        '-o',
        '/dev/null',
        `https://127.0.0.1:${peer.port}/`,
        '--max-time',
        '1',
      ])
      expect(curl.stdout).toBe('200')
      const endpoint = { host: '127.0.0.1', address: '127.0.0.1', port: peer.port }
      const { reason, facts } = await probeHttps(endpoint, {}, probeIo({ deadlineMs: 2_000 }))
      expect({ reason, http: facts.http }).toEqual(responded)
    },
  )
})
