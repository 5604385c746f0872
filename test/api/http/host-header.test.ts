import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startService, type TestService } from '../../support/service.ts'

let service: TestService
let port: number
beforeAll(async () => {
  service = await startService({ working: false })
  port = Number(new URL(await service.listen()).port)
})
afterAll(() => service?.stop())

/** Status line and body of a request with these header lines. */
async function send(version: string, path: string, ...headers: string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write([`GET ${path} HTTP/${version}`, 'Connection: close', ...headers, '', ''].join('\r\n'))
  return text(socket)
}

test.each([
  ['two hosts', ['Host: a.test', 'Host: b.test']],
  ['the same host twice', ['Host: a.test', 'host: a.test']],
  ['an empty and another host', ['Host:', 'HOST: a.test']],
  ['none', []],
  ['user information', ['Host: a@b.test']],
  ['a path', ['Host: a.test/x']],
  ['two names', ['Host: a.test b.test']],
  ['no port number', ['Host: a.test:x']],
  ['a port beyond the last one', ['Host: a.test:65536']],
  ['a port of many digits', ['Host: a.test:99999999999999999999']],
])('a request with %s is refused', async (_, headers) => {
  for (const path of ['/livez', '/v1/audits', '/unknown'])
    expect(await send('1.1', path, ...headers)).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
})

test.each([
  'a.test',
  'a.test:8080',
  'a.test:65535',
  '127.0.0.1:80',
  '[::1]:8080',
  '[2001:db8::1]',
  'xn--bcher-kva.test:',
  '',
])('Host %j is accepted', async (host) => {
  expect(await send('1.1', '/livez', `Host: ${host}`)).toContain(' 200 OK')
})

test('HTTP/1.0 with Transfer-Encoding is refused, and what follows it is not read', async () => {
  const socket = connect(port, '127.0.0.1')
  const first = ['POST /livez HTTP/1.0', 'Connection: keep-alive', 'Transfer-Encoding: chunked', '', '0', '', '']
  socket.write([...first, 'GET /livez HTTP/1.1', 'Host: a.test', '', ''].join('\r\n'))
  expect((await text(socket)).match(/^HTTP\/1\.1 \d+/gm)).toEqual(['HTTP/1.1 400'])
})

test('HTTP/1.0 needs no Host', async () => {
  expect(await send('1.0', '/livez')).toContain(' 200 OK')
})
