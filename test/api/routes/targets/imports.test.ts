import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { describeWithPeers } from '../../../support/peers/available.ts'
import { mustRun } from '../../../support/processes.ts'
import { startService, type TestService } from '../../../support/service.ts'

let service: TestService
let origin: string
beforeAll(async () => {
  service = await startService({ working: false })
  origin = await service.listen()
})
afterAll(() => service.stop())
beforeEach(() => service.query('TRUNCATE target'))

const types = { csv: 'text/csv', ndjson: 'application/x-ndjson', nmap: 'application/nmap+xml' }
const post = (type: string, body: string, { query = '', key = service.key } = {}) =>
  service.call('POST', `/v1/targets/import${query}`, { body, key, headers: { 'content-type': type } })
const csv = (text: string, query = '') => post(types.csv, text, { query })
const ndjson = (rows: readonly unknown[], query = '') =>
  post(types.ndjson, rows.map((row) => `${JSON.stringify(row)}\n`).join(''), { query })
const get = async (name: string) => (await service.call('GET', `/v1/targets/${encodeURIComponent(name)}`)).body
const names = async () => (await service.walk('/v1/targets')).flat().map(({ name }: { name: string }) => name)

const full = {
  address: '10.0.0.5',
  roles: ['epp', 'ui'],
  labels: { site: 'hq' },
  params: { sshPort: 2222, strict: true, note: 'a, "b"\r\nc' },
  externalId: '=CI-1',
}

describe('an import', () => {
  const deep = `${'['.repeat(30_000)}${']'.repeat(30_000)}`
  test.each<[string, 'csv' | 'ndjson', string, string, RegExp]>([
    ['a name twice', 'ndjson', '{"name":"a","address":"10.0.0.1","address":"10.0.0.2"}', '', /"address" twice/],
    [
      'a name twice inside',
      'csv',
      'name,address,labels\r\na,10.0.0.1,"{""x"":""1"",""x"":""2""}"',
      '/labels',
      /"x" twice/,
    ],
    ['deep nesting', 'ndjson', `{"name":"a","address":"10.0.0.1","labels":${deep}}`, '', /nested/],
    ['deep nesting', 'csv', `name,address,params\r\na,10.0.0.1,"${deep}"`, '/params', /nested/],
    ['a prototype', 'ndjson', '{"name":"a","address":"10.0.0.1","__proto__":{"admin":true}}', '/__proto__', /known/],
  ])('refuses a row whose JSON has %s: %s', async (_, type, text, pointer, detail) => {
    const { status, body } = await post(types[type], text)
    expect([status, body.errors]).toEqual([
      422,
      [expect.objectContaining({ pointer, detail: expect.stringMatching(detail) })],
    ])
    expect(await names()).toEqual([])
  })

  test('creates, updates and leaves alone, and says how many', async () => {
    await ndjson([
      { name: 'a', ...full },
      { name: 'b', address: '10.0.0.1' },
    ])
    const { status, body } = await ndjson([
      { name: 'a', address: '10.0.0.6' },
      { name: 'b', address: '10.0.0.1' },
      { name: 'c', address: '::1' },
    ])
    const changes = [
      { name: 'a', created: false },
      { name: 'c', created: true },
    ]
    const counts = { rows: 3, created: 1, updated: 1, unchanged: 1, refused: 0 }
    expect([status, body]).toEqual([200, { ...counts, errors: [], changes }])
    expect(await get('a')).toMatchObject({ ...full, address: '10.0.0.6' })
  })

  test('reports with `dryRun` what it would do, and does nothing', async () => {
    await ndjson([{ name: 'a', address: '10.0.0.1' }])
    const entries = async () => (await service.call('GET', '/v1/ledger?limit=1')).body.items[0].seq
    const before = await entries()
    const rows = [
      { name: 'a', address: '10.0.0.2' },
      { name: 'b', address: '10.0.0.3' },
      { name: 'c', address: 'not an address' },
    ]
    const text = rows.map((row) => `${JSON.stringify(row)}\n`).join('')
    const { status, body } = await post(types.ndjson, text, { query: '?partial=true&dryRun=true' })
    expect([status, body]).toMatchObject([200, { rows: 3, created: 1, updated: 1, refused: 1, errors: [{ line: 3 }] }])
    expect(await names()).toEqual(['a'])
    expect(await get('a')).toMatchObject({ address: '10.0.0.1' })
    expect(await entries()).toBe(before)
  })

  test('brings a retired target back with what the row leaves out', async () => {
    await ndjson([{ name: 'a', ...full }])
    await service.call('DELETE', '/v1/targets/a')
    expect((await ndjson([{ name: 'a', address: '10.0.0.9' }])).body).toMatchObject({ created: 0, updated: 1 })
    expect(await get('a')).toMatchObject({ ...full, address: '10.0.0.9' })
  })

  test('saves nothing where a row is refused, and names the line and the field of each', async () => {
    const { status, body } = await ndjson([
      { name: 'sound', address: '10.0.0.1' },
      { name: 'b', address: 'not a host' },
      { name: 'c', address: '10.0.0.1', labels: { site: 7 }, colour: 'red' },
      { name: 'sound', address: '10.0.0.2' },
    ])
    expect(status).toBe(422)
    expect(body.refused).toBe(3)
    expect(body.errors).toEqual([
      { in: 'body', line: 2, pointer: '/address', detail: 'must be an IP address or a host name' },
      { in: 'body', line: 3, pointer: '/colour', detail: 'is not a known field' },
      { in: 'body', line: 3, pointer: '/labels/site', detail: 'must be string' },
      { in: 'body', line: 4, pointer: '/name', detail: 'sound is there twice' },
    ])
    expect(await names()).toEqual([])
  })

  test('with partial=true saves the sound rows', async () => {
    const rows = [{ name: 'a', address: '10.0.0.1' }, { name: 'b' }, { name: 'c', address: '10.0.0.1' }]
    const { status, body } = await ndjson(rows, '?partial=true')
    expect([status, body]).toMatchObject([200, { rows: 3, created: 2, refused: 1, errors: [{ line: 2 }] }])
    expect(await names()).toEqual(['a', 'c'])
  })

  test('says what separates cells where the first line has other separators and no columns that it knows', async () => {
    const { status, body } = await post('text/csv', 'name;adress\r\na;10.0.0.1\r\n')
    expect([status, body.errors[0].line, body.detail]).toEqual([422, 1, expect.stringContaining('separated by commas')])
  })

  test('reports the first hundred validation issues and counts all', async () => {
    const { body } = await ndjson(Array.from({ length: 250 }, (_, i) => ({ name: `n${i}` })))
    expect([body.errors.length, body.refused]).toEqual([100, 250])
  })

  test.each([
    ['a JSON value of another kind', '[]\n', '', 'must be object'],
    ['a line that is no JSON', '{"name": \n', '', 'is not a JSON value'],
    ['a line beyond all measure', `{"name": "${'x'.repeat(4_300_000)}"}\n`, '', 'has more than 4194304 characters'],
    [
      'NUL',
      '{"name":"a","address":"::1","labels":{"k":"\\u0000"}}\n',
      '/labels/k',
      'must be well-formed text without control characters',
    ],
  ])('refuses %s', async (_, text, pointer, detail) => {
    const { status, body } = await post(types.ndjson, text)
    expect([status, body.errors]).toEqual([422, [{ in: 'body', line: 1, pointer, detail }]])
  })

  test('refuses a text that is not UTF-8', async () => {
    const response = await fetch(`${origin}/v1/targets/import?partial=true`, {
      method: 'POST',
      headers: { authorization: `Bearer ${service.key}`, 'content-type': types.ndjson },
      body: Buffer.from('{"name":"a","address":"::1","labels":{"ort":"K\xf6ln"}}\n', 'latin1'),
    })
    expect([response.status, await response.json()]).toMatchObject([
      422,
      { errors: [{ detail: 'the body is not UTF-8 text' }] },
    ])
  })

  test.each(['iso-8859-1', '"UTF-16"'])('refuses the charset %s, for any bytes', async (charset) => {
    const { status, body } = await post(`${types.csv}; charset=${charset}`, 'name,address\na,::1\n')
    expect([status, body.detail]).toEqual([415, 'send uncompressed UTF-8'])
    expect((await post(`${types.csv}; charset=UTF-8`, 'name,address\na,::1\n')).status).toBe(200)
  })

  test.each(['application/json', 'text/plain'])('takes no %s', async (type) => {
    expect((await post(type, '[]')).status).toBe(415)
    expect((await service.call('POST', '/v1/targets/import')).status).toBe(415)
  })

  test('of a limited key writes its own targets alone', async () => {
    await ndjson([{ name: 'foreign', ...full }])
    const made = await service.call('POST', '/v1/keys', {
      body: { name: 'blue', scopes: ['targets:write'], targets: { labels: { team: 'blue' } } },
    })
    const { key } = made.body
    const rows = (...some: object[]) => some.map((row) => JSON.stringify(row)).join('\n')
    const own = { name: 'own', address: '10.0.0.1', labels: { team: 'blue' } }
    const foreign = { name: 'foreign', address: '10.9.9.9', labels: { team: 'blue' } }
    expect((await post(types.ndjson, rows(own, foreign), { key, query: '?partial=true' })).status).toBe(403)
    expect((await post(types.ndjson, rows(own, { name: 'bare', address: '10.0.0.1' }), { key })).status).toBe(403)
    expect(await names()).toEqual(['foreign'])
    expect(await get('foreign')).toMatchObject(full)
    expect((await post(types.ndjson, rows(own), { key })).body).toMatchObject({ created: 1 })
  })

  test('by several concurrent clients, in any order, neither blocks nor loses one', async () => {
    const rows = Array.from({ length: 3_000 }, (_, i) => ({ name: `n${i}`, address: '10.0.0.1' }))
    const keys = await Promise.all(['b', 'c', 'd'].map((name) => service.stores.keys.create(name, ['admin'])))
    const change = (address: string, some: typeof rows) =>
      post(types.ndjson, some.map((row) => `${JSON.stringify({ ...row, address })}\n`).join(''), { key: keys.pop() })
    const responses = await Promise.all([
      change('10.0.0.2', rows),
      change('10.0.0.3', rows.toReversed()),
      change('10.0.0.4', rows),
    ])
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(await service.query('SELECT DISTINCT address FROM target')).toHaveLength(1)
  })
})

/** Sends the first part of an import and waits until the service has it. */
async function begin(head: string, body: string) {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1')
  const text = `POST /v1/targets/import?partial=true HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${service.key}\r\ncontent-type: application/x-ndjson\r\n${head}\r\n\r\n`
  socket.write(text + body)
  await once(socket, 'connect')
  return socket
}

describe('a connection', () => {
  test.each([
    ['content-length: 100000', (text: string) => text],
    ['transfer-encoding: chunked', (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`],
  ])('that is cut in the middle of the body saves nothing (%s)', async (head, framed) => {
    const rows = Array.from({ length: 500 }, (_, i) => `{"name":"n${i}","address":"10.0.0.1"}\n`).join('')
    // The status after the client has disconnected: by then all that would be saved is.
    const responded = new Promise<number>((resolve) =>
      service.server.server.once('request', (_, res) => {
        const { end } = res
        res.end = (...rest: unknown[]) => {
          resolve(res.statusCode)
          return Reflect.apply(end, res, rest)
        }
      }),
    )
    const socket = await begin(head, framed(rows))
    socket.end()
    expect(await responded).toBe(400)
    expect(await names()).toEqual([])
  })

  test('that is slow has the time of an import, and no other request has it', async () => {
    const { server } = service.server
    const { requestTimeout, headersTimeout } = server
    Object.assign(server, { requestTimeout: 500, headersTimeout: 500 })
    try {
      const other = connect(Number(new URL(origin).port), '127.0.0.1')
      other.write(
        `POST /v1/targets HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${service.key}\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{`,
      )
      const slow = await begin('content-length: 36', '{"name":"a",')
      const [refusal] = await once(other.setEncoding('utf8'), 'data')
      expect(refusal).toMatch(/^HTTP\/1.1 408 Request Timeout\r\n/)
      expect(refusal).toMatch(/application\/problem\+json.*"status":408\}$/s)
      slow.write('"address":"10.0.0.1"}\n  ')
      const [response] = await once(slow.setEncoding('utf8'), 'data')
      expect(response).toMatch(/^HTTP\/1.1 200 /)
      slow.destroy()
    } finally {
      Object.assign(server, { requestTimeout, headersTimeout })
    }
  })
})

describe('CSV', () => {
  test('has its columns in any order, quoted cells, a byte order mark, and labels in columns of their own', async () => {
    const text =
      '\uFEFFaddress,name,labels.site,"roles",labels\r\n10.0.0.1,a,hq,epp;ui,"{""tier"":""1""}"\r\n\r\n::1,"b",,,\r\n'
    expect(await csv(text)).toMatchObject({ status: 200, body: { rows: 2, created: 2 } })
    expect(await get('a')).toMatchObject({ roles: ['epp', 'ui'], labels: { site: 'hq', tier: '1' } })
    expect(await get('b')).toMatchObject({ address: '::1', roles: [], labels: {} })
  })

  test('reports the line and the column', async () => {
    const { body } = await csv('name,address,params\na,10.0.0.1\n\nb,x y,{}\nc,10.0.0.1,{x\n')
    expect(body.errors).toEqual([
      { in: 'body', line: 2, pointer: '', detail: expect.stringContaining('has 2 cells, and the first line has 3') },
      { in: 'body', line: 4, pointer: '/address', detail: 'must be an IP address or a host name' },
      { in: 'body', line: 5, pointer: '/params', detail: 'is not a JSON value' },
    ])
  })

  test.each([
    ['', 1, /is empty/],
    ['name,adress\n', 1, /no column "adress": did you mean address\?/],
    ['name;adress\n', 1, /no column "name;adress"/],
    ['name\n', 1, /the column address is missing/],
    ['name,address,name\n', 1, /the column name is there twice/],
    ['name,address\na,10.0.0.1\nb,"10.0.0.1\n', 3, /Quote Not Closed/],
    ['name,address\na,"10.0.0.1"x\n', 2, /Closing Quote/],
    [`name,address\na,${'x'.repeat(8_500_000)}\n`, 2, /Max Record Size/],
  ])('%# that cannot be read on is refused with the line, also with partial=true', async (text, line, detail) => {
    const { status, body } = await csv(text, '?partial=true')
    expect([status, body.errors]).toEqual([
      422,
      [{ in: 'body', line, pointer: '', detail: expect.stringMatching(detail) }],
    ])
    expect(await names()).toEqual([])
  })
})

test.each(['csv', 'ndjson'] as const)('what is exported as %s is what an import takes', async (format) => {
  const rows = [
    { name: 'a', ...full },
    { name: 'b', address: 'fd00::1', labels: { 'x/y': "'=1" } },
    { name: 'B.test', address: 'b.test' },
  ]
  await ndjson(rows)
  const before = (await service.walk('/v1/targets')).flat()
  const headers = { authorization: `Bearer ${service.key}` }
  const { body } = await service.server.inject({ url: `/v1/targets?format=${format}`, headers })
  expect((await post(types[format], body)).body).toMatchObject({ rows: 3, unchanged: 3 })
  await service.query('TRUNCATE target')
  expect((await post(types[format], body)).body).toMatchObject({ rows: 3, created: 3 })
  const after = (await service.walk('/v1/targets')).flat()
  const time = expect.any(String)
  expect(after).toEqual(before.map((target) => ({ ...target, createdAt: time, updatedAt: time })))
})

const host = (inside: string, state = 'up') =>
  `<host starttime="1"><status state="${state}" reason="x"/>\n${inside}</host>\n`
const scan = (...hosts: string[]) =>
  `<?xml version="1.0"?>\n<!DOCTYPE nmaprun>\n<!-- <host> is\nno host -->\n<nmaprun scanner="nmap">\n<hosthint><status state="up"/></hosthint>\n${hosts.join('')}<runstats/></nmaprun>\n`
const v4 = '<address addr="10.0.0.1" addrtype="ipv4"/>'

describe('Nmap XML', () => {
  test('gives the hosts that are up, by the name of the scan, the PTR record, or the address', async () => {
    const text = scan(
      host(
        `${v4}<address addr="00:00:00:00:00:01" addrtype="mac"/><hostnames><hostname name="ptr.test" type="PTR"/><hostname name="epp-01.test" type="user"/></hostnames><ports><port protocol="tcp" portid="22"/></ports>`,
      ),
      host('<address addr="10.0.0.2" addrtype="ipv4"/><hostnames><hostname name="ptr2.test" type="PTR"/></hostnames>'),
      host('<address addr="fd00::3" addrtype="ipv6"/><hostnames>\n</hostnames>'),
      host('<address addr="10.0.0.4" addrtype="ipv4"/>', 'down'),
    )
    for (const type of [types.nmap, 'application/xml', 'text/xml; charset=utf-8']) {
      expect(await post(type, text)).toMatchObject({ status: 200, body: { rows: 3, refused: 0 } })
    }
    expect(await Promise.all(['epp-01.test', 'ptr2.test', 'fd00::3'].map(get))).toMatchObject([
      { address: '10.0.0.1', roles: [], labels: {} },
      { address: '10.0.0.2' },
      { address: 'fd00::3' },
    ])
    expect(await names()).toHaveLength(3)
  })

  test('reports a refused host with the line of its first tag', async () => {
    const long = '<address addr="10.0.0.1.example" addrtype="ipv4"/>'
    const { body } = await post(types.nmap, scan(host(v4), host('<hostnames/>'), host(long), host('<address')))
    expect(body.errors).toEqual([
      { in: 'body', line: 9, pointer: '', detail: 'is a host without an IP address' },
      { in: 'body', line: 11, pointer: '', detail: 'is a host without an IP address' },
      { in: 'body', line: expect.any(Number), pointer: '', detail: expect.stringMatching(/^is not XML: /) },
    ])
  })

  test('resolves no entity', async () => {
    const entities = `<!DOCTYPE nmaprun [<!ENTITY a "10.0.0.9"><!ENTITY f SYSTEM "file:///etc/hostname">]>`
    const text = scan(
      host('<address addr="&a;" addrtype="ipv4"/>'),
      host(`${v4}<hostnames><hostname name="&f;" type="user"/></hostnames>`),
    )
    const { body } = await post(types.nmap, text.replace('<!DOCTYPE nmaprun>', entities))
    expect(body.errors).toEqual([{ in: 'body', line: 7, pointer: '', detail: 'is a host without an IP address' }])
    expect(body.notes).toEqual([
      { line: 9, count: 1, detail: expect.stringMatching(/^the name &f; cannot be the name/) },
    ])
  })

  test.each([
    ['<html></html>', /no <nmaprun>/],
    [host(v4), /a host outside <nmaprun>/],
    [scan(host(v4)).replace('</nmaprun>', ''), /ends before <\/nmaprun>/],
    [scan(host(`${v4}${' '.repeat(5 * 2 ** 20)}`)), /more than 4194304 characters/],
  ])('that is none, or not whole, is unreadable: %#', async (text, detail) => {
    const { status, body } = await post(types.nmap, text, { query: '?partial=true' })
    expect([status, body.errors]).toMatchObject([422, [{ detail: expect.stringMatching(detail) }]])
    expect(await names()).toEqual([])
  })

  test('is cut into hosts wherever a piece of it ends', async () => {
    const text = scan(host(v4), host('<address addr="10.0.0.2" addrtype="ipv4"/>'))
    const body = new ReadableStream({
      start(controller) {
        for (const letter of Buffer.from(text)) controller.enqueue(Uint8Array.of(letter))
        controller.close()
      },
    })
    const headers = { authorization: `Bearer ${service.key}`, 'content-type': types.nmap }
    const response = await fetch(`${origin}/v1/targets/import`, {
      method: 'POST',
      headers,
      body,
      duplex: 'half',
    } as RequestInit)
    expect(await response.json()).toMatchObject({ rows: 2, created: 2 })
  })
})

describeWithPeers(['nmap'], 'what nmap itself writes', () => {
  test('becomes targets', async () => {
    const xml = await mustRun('nmap', [
      '-n',
      '-sT',
      '-Pn',
      '-p',
      new URL(origin).port,
      '-oX',
      '-',
      '127.0.0.1',
      '127.0.0.2',
    ])
    expect(await post(types.nmap, xml)).toMatchObject({ status: 200, body: { rows: 2, created: 2 } })
    expect(await names()).toEqual(['127.0.0.1', '127.0.0.2'])
  })
})
