import { afterEach, expect, test } from 'vitest'
import { startService, type TestService } from '../../support/service.ts'

let service: TestService
afterEach(() => service.stop())

const start = async (env: Record<string, string>, working = false) => {
  service = await startService({ working, env })
}
const readTargets = (key?: string | null) => service.call('GET', '/v1/targets', key === undefined ? {} : { key })

test('every response to a key shows its remaining requests, in the fields of the IETF draft', async () => {
  await start({ PORTWARDEN_REQUESTS_PER_MINUTE: '3' })
  const responses = [await readTargets(), await readTargets()]
  expect(responses.map(({ status }) => status)).toEqual([200, 200])
  expect(responses.map(({ headers }) => headers['ratelimit-policy'])).toEqual(Array(2).fill('"requests";q=3;w=60'))
  const left = responses.map(({ headers }) => /^"requests";r=(\d);t=(\d+)$/.exec(headers.ratelimit ?? ''))
  expect(left.map((match) => match?.[1])).toEqual(['2', '1'])
  expect(left.every((match) => Number(match?.[2]) > 0 && Number(match?.[2]) <= 60)).toBe(true)
})

test('a key over its limit gets a Retry-After; other keys and the health checks are not affected', async () => {
  await start({ PORTWARDEN_REQUESTS_PER_MINUTE: '3' })
  for (let i = 0; i < 3; i++) await readTargets()
  const { status, headers, body } = await readTargets()
  expect(status).toBe(429)
  expect(headers['content-type']).toMatch(/^application\/problem\+json/)
  expect(body).toMatchObject({ title: 'Too Many Requests', status: 429, detail: expect.stringContaining('3 requests') })
  expect(Number(headers['retry-after'])).toBeGreaterThan(0)
  expect(Number(headers['retry-after'])).toBeLessThanOrEqual(60)
  expect(headers.ratelimit).toMatch(/^"requests";r=0;t=\d+$/)

  const other = await service.stores.keys.create('other', ['admin'])
  expect((await readTargets(other)).status).toBe(200)
  for (const path of ['/livez', '/readyz', '/openapi.json']) {
    const { status, headers } = await service.call('GET', path)
    expect([path, status, headers.ratelimit]).toEqual([path, 200, undefined])
  }
})

test('what the scopes of a key do not allow counts too', async () => {
  await start({ PORTWARDEN_REQUESTS_PER_MINUTE: '2' })
  const agent = await service.stores.keys.create('agent', ['vantage:nowhere'])
  const statuses = [await readTargets(agent), await readTargets(agent), await readTargets(agent)]
  expect(statuses.map(({ status }) => status)).toEqual([403, 403, 429])
})

test('guesses are counted by address, and do not lock out a good key from there', async () => {
  await start({ PORTWARDEN_REFUSALS_PER_MINUTE: '2' })
  const guess = `pw_${'0'.repeat(12)}_${'A'.repeat(43)}`
  const responses = [await readTargets(guess), await readTargets(null), await readTargets(guess)]
  expect(responses.map(({ status }) => status)).toEqual([401, 401, 429])
  expect(responses[2]?.headers['ratelimit-policy']).toBe('"refusals";q=2;w=60')
  expect(responses[2]?.headers['retry-after']).toMatch(/^\d+$/)
  const elsewhere = await service.server.inject({ url: '/v1/targets', remoteAddress: '192.0.2.9' })
  expect(elsewhere.statusCode).toBe(401)
  expect((await readTargets()).status).toBe(200)
})

test.each([
  ['is not believed without a proxy', {}, 429],
  ['is believed behind one, the last entry alone', { PORTWARDEN_BEHIND_PROXY: 'true' }, 401],
])('what X-Forwarded-For says %s', async (_what, env, status) => {
  await start({ PORTWARDEN_REFUSALS_PER_MINUTE: '1', ...env })
  const from = (forwarded: string) =>
    service.call('GET', '/v1/targets', { key: null, headers: { 'x-forwarded-for': forwarded } })
  expect((await from('192.0.2.1')).status).toBe(401)
  expect((await from('192.0.2.2')).status).toBe(status)
  expect((await from('198.51.100.1, 192.0.2.1')).status).toBe(429)
})

test('addresses are counted by their network where they are of IPv6, and as they are where they are none', async () => {
  await start({ PORTWARDEN_REFUSALS_PER_MINUTE: '1', PORTWARDEN_BEHIND_PROXY: 'true' })
  const statusFrom = async (forwarded: string) =>
    (await service.call('GET', '/v1/targets', { key: null, headers: { 'x-forwarded-for': forwarded } })).status
  const statuses = [
    await statusFrom('2001:db8:1:2::1'),
    await statusFrom('2001:db8:1:2:3::1'),
    await statusFrom('2001:db8:1:3::1'),
    await statusFrom('192.0.2.1'),
    await statusFrom('::ffff:192.0.2.1'),
    await statusFrom('a-name'),
    await statusFrom('a-name'),
  ]
  expect(statuses).toEqual([401, 429, 401, 401, 429, 401, 429])
})

const audit = (targets: string[], key?: string) =>
  service.call('POST', '/v1/audits', {
    ...(key === undefined ? {} : { key }),
    body: {
      policy: 'ports',
      targets: targets.map((name) => ({ name, address: '127.0.0.1' })),
      params: { openPort: 1, closedPort: 1 },
    },
  })

test('audits have a limit of their own', async () => {
  await start({ PORTWARDEN_AUDITS_PER_MINUTE: '1' })
  const [first, second] = [await audit(['a']), await audit(['a'])]
  expect([first.status, second.status]).toEqual([202, 429])
  expect(first.headers['ratelimit-policy']).toBe('"requests";q=30000;w=60, "audits";q=1;w=60')
  expect(first.headers.ratelimit).toMatch(/^"requests";r=29999;t=\d+, "audits";r=0;t=\d+$/)
  expect(second.body.detail).toContain('1 audits in a minute')
  expect((await readTargets()).status).toBe(200)
})

test('an audit of more targets than one may have is refused, by name or by label, and leaves nothing', async () => {
  await start({ PORTWARDEN_TARGETS_PER_AUDIT: '2' })
  const { status, body } = await audit(['a', 'b', 'c'])
  expect(status).toBe(422)
  expect(body.errors).toEqual([{ in: 'body', pointer: '/targets', detail: expect.stringContaining('3 targets') }])
  expect((await readTargets()).body.items).toEqual([])
  expect((await audit(['a', 'b'])).status).toBe(202)
})

test('a key whose checks are under way waits until they are done; another key does not', async () => {
  await start({ PORTWARDEN_CHECKS_IN_FLIGHT: '7' })
  const first = await audit(['a', 'b']) // of four rules each, of which two need a probe
  expect(first.status).toBe(202)
  const { status, headers, body } = await audit(['a'])
  expect([status, headers['retry-after']]).toEqual([429, '30'])
  expect(body.detail).toContain('4 checks of this key are under way')
  expect((await audit(['a'], await service.stores.keys.create('other', ['admin']))).status).toBe(202)

  await service.work()
  await service.ended(first.body.id)
  expect((await audit(['a'])).status).toBe(202)
})

test('of concurrent audits, no more are accepted than fit', async () => {
  await start({ PORTWARDEN_CHECKS_IN_FLIGHT: '16' })
  const responses = await Promise.all(Array.from({ length: 12 }, () => audit(['a', 'b'])))
  // Each requests eight checks; once planned, four of them need a probe.
  expect(responses.map(({ status }) => status).toSorted()).toEqual([202, 202, 202, ...Array(9).fill(429)])
})

test('an audit that is larger than the quota is taken where nothing else is under way', async () => {
  await start({ PORTWARDEN_CHECKS_IN_FLIGHT: '1' })
  expect((await audit(['a', 'b'])).status).toBe(202)
  expect((await audit(['a'])).status).toBe(429)
})

test('a schedule cannot exceed the quota of its requester', async () => {
  await start({ PORTWARDEN_TARGETS_PER_AUDIT: '1', PORTWARDEN_CHECKS_IN_FLIGHT: '5' })
  const targets = ['a', 'b'].map((name) => ({ name, address: '127.0.0.1', labels: { site: 'hq' } }))
  await service.stores.targets.save(targets)
  const params = { openPort: 1, closedPort: 1 }
  const reasonOf = async (name: string, selected: object) => {
    const audit = { policy: 'ports', targets: selected, params }
    await service.call('POST', '/v1/schedules', { body: { name, cron: '* * * * *', jitterSeconds: 0, audit } })
    const [next] = await service.query<{ at: Date }>(`SELECT next_at AS at FROM schedule WHERE name = '${name}'`)
    await service.scheduler.tick(new Date(next?.at ?? 0)) // a later time may have two ticks
    const { body } = await service.call('GET', `/v1/schedules/${name}/runs`)
    return body.items.flatMap(({ outcome, reason }: { outcome: string; reason: string | null }) => [outcome, reason])
  }
  expect(await reasonOf('wide', { labels: { site: 'hq' } })).toEqual(['refused', expect.stringContaining('2 targets')])
  expect(await reasonOf('first', ['a'])).toEqual(['audit', null])
  expect(await reasonOf('second', ['b'])).toEqual(['refused', expect.stringContaining('are under way')])
})
