import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startService, type TestService } from '../../../support/service.ts'

let service: TestService
let port: number
beforeAll(async () => {
  service = await startService({ working: false })
  port = Number(new URL(await service.listen()).port)
})
afterAll(() => service?.stop())

const json = (payload: string | Buffer) =>
  service.server.inject({
    method: 'POST',
    url: '/v1/targets',
    headers: { authorization: `Bearer ${service.key}`, 'content-type': 'application/json' },
    payload,
  })
const bytes = (...parts: (string | number[])[]) => Buffer.concat(parts.map((part) => Buffer.from(part as string)))
const deep = (depth: number) => `{"name":"x","address":${'['.repeat(depth)}${']'.repeat(depth)}}`

test('an empty body of any type is no body: some clients always send a type', async () => {
  const name = await service.call('POST', '/v1/targets', { body: { name: 'empty', address: '10.0.0.1' } })
  expect(name.status).toBe(201)
  expect((await service.call('DELETE', '/v1/targets/empty', { body: '' })).status).toBe(204)
})

describe('a body of JSON is refused with 400 where', () => {
  test.each<[string, string | Buffer, RegExp]>([
    ['a name is there twice', '{"name":"a","address":"10.0.0.1","name":"b"}', /"name" twice/],
    ['a name is there twice, once in disguise', '{"name":"a","address":"10.0.0.1","n\\u0061me":"b"}', /"name" twice/],
    ['a name is there twice inside', '{"name":"a","labels":{"x":"1" , "x" :"2"},"address":"10.0.0.1"}', /"x" twice/],
    ['it is not UTF-8', bytes('{"name":"', [0xc3, 0x28], '","address":"10.0.0.1"}'), /UTF-8/],
    ['half a character is encoded', bytes('{"name":"', [0xed, 0xa0, 0x80], '","address":"10.0.0.1"}'), /UTF-8/],
    ['it is nested deeply', deep(100_000), /nested/],
    ['it is nested and never closed', '['.repeat(1_000_000), /nested/],
    [
      'an object has very many names',
      JSON.stringify(Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [i, 0]))),
      /names/,
    ],
    ['a key is __proto__', '{"name":"a","address":"10.0.0.1","__proto__":{"admin":true}}', /./],
    [
      'a key is constructor.prototype',
      '{"name":"a","address":"10.0.0.1","constructor":{"prototype":{"admin":true}}}',
      /./,
    ],
    [
      'a number is too large for one',
      '{"name":"a","address":"10.0.0.1","params":{"sshPort":1e999}}',
      /sshPort must be/,
    ],
    ['a string does not end', '{"name":"a', /./],
    ['it is UTF-16', Buffer.from('{"name":"a","address":"10.0.0.1"}', 'utf16le'), /./],
  ])('%s', async (_, payload, detail) => {
    const response = await json(payload)
    expect([response.statusCode, response.json()]).toEqual([400, expect.objectContaining({ status: 400 })])
    expect(response.json().detail).toMatch(detail)
  })

  test('and is accepted with names, quotes and brackets inside strings', async () => {
    const name = { name: 'taken', address: '10.0.0.1', labels: { site: '"name":{[\\"}', name: 'name', address: '\\' } }
    const response = await json(JSON.stringify(name))
    expect([response.statusCode, response.json()]).toEqual([201, expect.objectContaining(name)])
  })
})

test.each([
  ['application/json; charset=utf-16', 'identity'],
  ['application/json;charset="ibm037"', 'identity'],
  ['application/json', 'gzip'],
])('a body whose head says that it is read otherwise is 415: %s, %s', async (type, encoding) => {
  const headers = { 'content-type': type, 'content-encoding': encoding }
  const body = { name: 'otherwise', address: '10.0.0.1' }
  expect((await service.call('POST', '/v1/targets', { body, headers })).status).toBe(415)
})

test.each(['application/json; charset=UTF-8', 'application/json;charset="utf-8"'])(
  'a body of %s is read',
  async (type) => {
    const body = { name: `read-${type.length}`, address: '10.0.0.1' }
    expect((await service.call('POST', '/v1/targets', { body, headers: { 'content-type': type } })).status).toBe(201)
  },
)

test('a policy in YAML that is not UTF-8 is refused', async () => {
  const response = await service.server.inject({
    method: 'POST',
    url: '/v1/policies/validate',
    headers: { authorization: `Bearer ${service.key}`, 'content-type': 'application/yaml' },
    payload: bytes('name: ', [0xff]),
  })
  expect(response.statusCode).toBe(400)
})

test('a name in a path may be as long as a name may be; a longer one is refused by its schema', async () => {
  expect((await service.call('GET', `/v1/targets/${'a'.repeat(253)}`)).status).toBe(404)
  const long = await service.call('GET', `/v1/targets/${'a'.repeat(3_000)}`)
  expect([long.status, long.body.errors?.[0]?.pointer]).toEqual([400, '/name'])
})

/** The bytes of the response, until the connection ends. */
async function exchange(sent: string | Buffer): Promise<string> {
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  socket.write(sent)
  return text(socket)
}
const head = (...lines: string[]) =>
  [`POST /v1/targets HTTP/1.1`, 'Host: x', `Authorization: Bearer ${service.key}`, ...lines, '', ''].join('\r\n')

describe('malformed HTTP gets problem details', () => {
  test.each<[string, number, () => string | Buffer]>([
    ['noise', 400, () => bytes([0, 1, 2, 0xff], '\r\n\r\n')],
    ['TLS', 400, () => bytes([22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3])],
    ['another protocol', 400, () => 'SSH-2.0-OpenSSH_9\r\n'],
    ['no host', 400, () => 'GET /livez HTTP/1.1\r\n\r\n'],
    ['a version that is none', 400, () => 'GET /livez HTTP/9.9\r\nHost: x\r\n\r\n'],
    ['a control byte in a header', 400, () => head('X-Y: a\u0001b')],
    ['a header that is folded', 400, () => head('X-Y: a', ' b', 'Content-Length: zwei')],
    ['two lengths', 400, () => head('Content-Length: 1', 'Content-Length: 2')],
    ['a length and chunks', 400, () => head('Content-Length: 5', 'Transfer-Encoding: chunked')],
    ['a negative length', 400, () => head('Content-Length: -1')],
    [
      'chunks that are none',
      400,
      () => `${head('Content-Type: application/json', 'Transfer-Encoding: chunked')}zz\r\n`,
    ],
    ['an unknown coding', 400, () => head('Transfer-Encoding: gzip, x')],
    ['headers that are too long', 431, () => head(`X-Y: ${'a'.repeat(20_000)}`)],
    ['a URL that is too long', 431, () => `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`],
  ])('%s', async (_, status, sent) => {
    const response = await exchange(sent())
    expect(response).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(response).not.toMatch(/HPE_|node|stack/i)
    if (status !== 400 || /content-type/i.test(response))
      expect(response).toMatch(/content-type: application\/problem\+json/i)
  })
})
