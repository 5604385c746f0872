import { once } from 'node:events'
import http from 'node:http'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { patienceMs } from '../../support/ports.ts'
import { startService, type TestService } from '../../support/service.ts'

const connections = 40
const perKey = 10
let service: TestService
let url: URL
let holder: string
beforeAll(async () => {
  const env = {
    PORTWARDEN_CONNECTIONS: String(connections),
    PORTWARDEN_CONNECTIONS_PER_KEY: String(perKey),
    PORTWARDEN_STREAMS_PER_KEY: '2',
    PORTWARDEN_IMPORTS_PER_KEY: '3',
    PORTWARDEN_IMPORTS: '4',
    PORTWARDEN_SPOOL_MIB_PER_KEY: '1',
  }
  service = await startService({ working: false, env })
  url = new URL(await service.listen())
  holder = await service.stores.keys.create('holder', ['targets:write', 'audits:run'])
})
afterAll(() => service.stop())

/** A request over a connection of its own. */
async function send(path: string, { key = service.key, method = 'GET', body = '', ...more }: SendOptions = {}) {
  const headers = { authorization: `Bearer ${key}`, connection: 'close', ...more.headers }
  const request = http.request(new URL(path, url), { method, headers, agent: false, localAddress: more.localAddress })
  request.end(body)
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  return { status: response.statusCode, headers: response.headers, body: JSON.parse(await text(response)) }
}

interface SendOptions {
  key?: string
  method?: string
  body?: string
  headers?: Record<string, string>
  localAddress?: string
}

const held: Socket[][] = []
afterEach(async () => {
  for (const socket of held.splice(0).flat()) socket.destroy()
  await until(async () => (await openConnections()) === 0)
})
const until = <T>(isSo: () => Promise<T> | T) => vi.waitUntil(isSo, { timeout: patienceMs, interval: 20 })

/** Opens connections that send this and wait; they end with the test. */
async function hold(count: number, first: string, localAddress = '127.0.0.1') {
  const sockets: Socket[] = []
  const received = new Map<Socket, string>()
  held.push(sockets)
  for (let i = 0; i < count; i++) {
    const socket = connect({ host: url.hostname, port: Number(url.port), localAddress })
    sockets.push(socket)
    received.set(socket, '')
    socket.on('error', () => {}).on('data', (data) => received.set(socket, received.get(socket) + String(data)))
    await once(socket, 'connect')
    socket.write(first)
  }
  return {
    responses: () => [...received.values()].filter((one) => one !== ''),
    open: () => sockets.filter((socket) => !socket.closed && socket.readyState === 'open').length,
  }
}

const openConnections = () =>
  new Promise<number>((resolve) => service.server.server.getConnections((_, n) => resolve(n)))
const slowImport = (key: string) =>
  `POST /v1/targets/import HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${key}\r\nContent-Type: text/csv\r\nContent-Length: 1000\r\n\r\nname,`
const slowBody = (key: string) =>
  `POST /v1/targets HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`
const metric = async (name: string) =>
  Number(
    new RegExp(`^${name.replaceAll(/[{}]/g, '\\$&')} (\\d+)$`, 'm').exec(
      (await service.call('GET', '/metrics')).body,
    )?.[1],
  )

describe('while one key holds its maximum, the request of another key works', () => {
  test('of slow requests: more of the first get 429 with Retry-After', async () => {
    const before = await metric('portwarden_quota_refusals_total{quota="connections"}')
    const slow = await hold(perKey + 1, slowBody(holder))
    await until(() => slow.responses().length === 1)
    const refused = await send('/v1/targets', { key: holder })
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, '1'])
    expect(refused.headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(refused.body.detail).toBe(`${perKey} requests of this key are under way`)
    expect((await send('/v1/targets')).status).toBe(200)
    expect(slow.responses().length).toBe(1)
    expect(await metric('portwarden_quota_refusals_total{quota="connections"}')).toBeGreaterThan(before)
  })

  test('of requests that it breaks off immediately: they cost nothing afterwards', async () => {
    for (let i = 0; i < perKey * 5; i++) {
      const socket = connect({ host: url.hostname, port: Number(url.port) })
      await once(socket, 'connect')
      socket.write(slowBody(holder), () => socket.resetAndDestroy())
      await once(socket, 'close')
    }
    const slow = await hold(perKey + 1, slowBody(holder))
    await until(() => slow.responses().length === 1)
    expect((await send('/v1/targets', { key: holder })).status).toBe(429)
    expect(slow.responses()).toHaveLength(1)
  })

  test('of connections: beyond its share it loses those that it does not use', async () => {
    await hold(connections * 3, slowBody(holder))
    expect((await send('/v1/targets')).status).toBe(200)
    expect(await openConnections()).toBeLessThanOrEqual(connections)
  })

  test('of imports, and those of all keys are bounded too', async () => {
    const slow = await hold(4, slowImport(holder))
    await until(() => slow.responses().length === 1)
    const [refused] = slow.responses()
    expect(refused).toMatch(/^HTTP\/1.1 429 .*retry-after: 10.*3 imports of this key are under way/is)
    const headers = { 'content-type': 'text/csv' }
    const document = { method: 'POST', body: 'name,address\r\na,127.0.0.1\r\n', headers }
    expect((await send('/v1/targets/import', document)).status).toBe(200)
    const third = await service.stores.keys.create('third', ['targets:write'])
    const more = await hold(2, slowImport(third))
    await until(() => more.responses().length === 1)
    const full = await send('/v1/targets/import', document)
    expect([full.status, full.body.detail, full.headers['retry-after']]).toEqual([503, '4 imports are under way', '10'])
  })

  test('of spooled bytes: the import that stores too much is refused, and nothing is saved', async () => {
    const rows = (count: number) =>
      `name,address,labels.more\r\n${Array.from({ length: count }, (_, i) => `spool-${i},127.0.0.1,${'x'.repeat(200)}\r\n`).join('')}`
    const send_ = (count: number) =>
      send('/v1/targets/import', {
        key: holder,
        method: 'POST',
        body: rows(count),
        headers: { 'content-type': 'text/csv' },
      })
    const refused = await send_(5_000)
    expect(refused.status).toBe(429)
    expect(refused.body.detail).toContain('would store more than 1 MiB')
    expect((await send_(10)).body).toMatchObject({ rows: 10, created: 10 })
  })

  test('of event streams', async () => {
    const id = await service.accept({
      targets: [{ name: 'streamed', address: '127.0.0.1' }],
      params: { openPort: 1, closedPort: 1 },
    })
    const stream = `GET /v1/audits/${id}/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${holder}\r\n\r\n`
    const streams = await hold(2, stream)
    await until(() => streams.responses().length === 2)
    const refused = await send(`/v1/audits/${id}/events`, { key: holder })
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, '10'])
    expect(refused.body.detail).toContain('2 event streams and exports')
    const own = await hold(1, stream.replace(holder, service.key))
    await until(() => own.responses().length === 1)
    expect(own.responses()[0]).toContain('200 OK')
    const other = await send('/v1/targets?limit=1', { key: holder })
    expect(other.status).toBe(200)
  })
})

describe('connections without a key leave room', () => {
  test.each([
    ['send nothing', ''],
    ['do not finish their headers', 'GET /v1/targets HTTP/1.1\r\nHost: a\r\n'],
    ['guess', 'POST /v1/targets HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nAuthorization: Bearer pw_x\r\n\r\n'],
  ])('where %s, from the same address as well as from another', async (_, first) => {
    const silent = await hold(connections * 2, first)
    for (const localAddress of ['127.0.0.1', '127.0.0.2'])
      expect([localAddress, (await send('/v1/targets', { localAddress })).status]).toEqual([localAddress, 200])
    expect(silent.open()).toBeLessThanOrEqual(connections)
    expect(await metric('portwarden_connections')).toBeLessThanOrEqual(connections)
  })

  test('those of an address with few are kept', async () => {
    const few = await hold(2, '', '127.0.0.3')
    const many = await hold(connections * 2, '')
    expect((await send('/v1/targets')).status).toBe(200)
    expect(few.open()).toBe(2)
    expect(many.open()).toBeLessThanOrEqual(connections - 2)
  })

  test('while keys use all of them, a newcomer gets 503 with Retry-After', async () => {
    const keys = await Promise.all(
      ['k1', 'k2', 'k3', 'k4'].map((name) => service.stores.keys.create(name, ['targets:write'])),
    )
    for (const key of keys) await hold(perKey, slowBody(key))
    let more = 0
    const refused = await until(async () => {
      const response = await send('/v1/targets')
      // A newcomer may have replaced a connection before its key was read.
      if (response.status === 200) await hold(1, slowBody(keys[more++ % keys.length] as string))
      return response.status === 503 && response
    })
    expect(refused.headers['retry-after']).toBe('5')
    expect(refused.body.detail).toBe('all connections are in use')
  })
})
