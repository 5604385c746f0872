import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Call, startService, type TestService } from '../support/service.ts'

let service: TestService
beforeAll(async () => {
  service = await startService({ working: false })
  await service.stores.targets.save([{ name: 'there', address: '127.0.0.1' }])
})
afterAll(() => service.stop())

type Method = Parameters<TestService['call']>[0]
type Request = [Method, string, Call?]
const audit = (more: object): Request => [
  'POST',
  '/v1/audits',
  { body: { policy: 'ports', targets: ['there'], params: { openPort: 1, closedPort: 2 }, ...more } },
]
const target = (more: object): Request => [
  'POST',
  '/v1/targets',
  { body: { name: 'new', address: '10.0.0.1', ...more } },
]
const uuid = '019b7600-0000-7000-8000-000000000000'
const nul = 'a\u0000b'
const half = 'a\ud800b'
const big = JSON.stringify({ name: 'big', address: '10.0.0.1', roles: ['x'.repeat(11 * 1024 * 1024)] })

/** Each with the status, and the pointers that the response must name. */
const cases: [claim: string, Request, status: number, pointers?: string[]][] = [
  ['JSON that is none', ['POST', '/v1/audits', { body: '{"policy":' }], 400],
  ['an empty body', ['POST', '/v1/audits', { body: '' }], 400],
  ['no body', ['POST', '/v1/audits', {}], 400],
  ['a list instead of an object', ['POST', '/v1/targets', { body: [] }], 400, ['body ']],
  ['a body that is too large', ['POST', '/v1/targets', { body: big }], 413],
  ['text', ['POST', '/v1/audits', { body: 'x', headers: { 'content-type': 'text/plain' } }], 415],
  [
    'YAML where none is taken',
    ['POST', '/v1/targets', { body: 'a: 1', headers: { 'content-type': 'application/yaml' } }],
    415,
  ],
  [
    'a form',
    ['POST', '/v1/targets', { body: 'a=1', headers: { 'content-type': 'application/x-www-form-urlencoded' } }],
    415,
  ],
  ['text as a policy', ['PUT', '/v1/policies/p', { body: 'x', headers: { 'content-type': 'text/plain' } }], 415],

  ['a query of an operation that takes none', ['GET', `/v1/audits/${uuid}/pack?format=csv`], 400, ['query /format']],
  ['a query of a change that takes none', ['DELETE', '/v1/targets/there?force=true'], 400, ['query /force']],
  ['a leap second', ['GET', '/v1/reports/compliance?at=2026-12-31T23:59:60Z'], 400, ['query /at']],
  ['the year 0', ['GET', '/v1/reports/compliance?at=0000-01-01T00:00:00Z'], 400, ['query /at']],
  ['the year 10000', ['GET', '/v1/reports/compliance?at=9999-12-31T23:59:59-01:00'], 400, ['query /at']],
  [
    'a leap second in a drift report',
    ['GET', '/v1/reports/drift?from=2026-12-31T23:59:60Z&to=2027-01-01T00:00:00Z'],
    422,
  ],
  ['the year 0 in a drift report', ['GET', '/v1/reports/drift?from=0000-01-01T00:00:00Z&to=2027-01-01T00:00:00Z'], 422],
  ['an unknown field', audit({ polcy: 'ports' }), 400, ['body /polcy']],
  ['an unknown field inside', target({ labels: {}, adress: 'x' }), 400, ['body /adress']],
  [
    'an unknown field of a target that comes with an audit',
    audit({ targets: [{ name: 'x', address: '10.0.0.1', lables: {} }] }),
    400,
    ['body /targets/0/lables'],
  ],
  ['a missing field', ['POST', '/v1/audits', { body: { targets: ['there'] } }], 400, ['body /policy']],
  [
    'several validation issues together',
    ['POST', '/v1/targets', { body: { name: '', roles: 'x' } }],
    400,
    ['body /address', 'body /name', 'body /roles'],
  ],
  ['a field of the wrong type', audit({ reason: 7 }), 400, ['body /reason']],
  ['a number that is sent as text', target({ params: { sshPort: [22] } }), 400, ['body /params/sshPort']],
  [
    'a correlationId to find audits by that is empty',
    ['GET', '/v1/audits?correlationId='],
    400,
    ['query /correlationId'],
  ],
  ['an externalId to find audits by that is empty', ['GET', '/v1/audits?externalId='], 400, ['query /externalId']],
  ['a body that is compressed', ['POST', '/v1/audits', { body: {}, headers: { 'content-encoding': 'gzip' } }], 415],
  ['no targets', audit({ targets: [] }), 400, ['body /targets']],
  ['a name that is none', target({ name: 'a b' }), 400, ['body /name']],
  ['a label that is none', target({ labels: { 'a b': 'x' } }), 400],
  ['a callback that is no URL', audit({ callbackUrl: 'javascript:alert(1)' }), 400, ['body /callbackUrl']],
  ['a limit that is none', ['GET', '/v1/targets?limit=many'], 400, ['query /limit']],
  ['a limit that is too large', ['GET', '/v1/targets?limit=1000000'], 400, ['query /limit']],
  ['a limit of nothing', ['GET', '/v1/audits?limit=0'], 400, ['query /limit']],
  ['an unknown parameter of the URL', ['GET', '/v1/targets?lmit=5'], 400, ['query /lmit']],
  ['a status that is none', ['GET', '/v1/audits?status=done'], 400, ['query /status']],
  ['a label filter that is none', ['GET', '/v1/targets?label=site'], 400, ['query /label/0']],
  ['an invalid cursor', ['GET', '/v1/targets?cursor=xyz'], 400, ['query /cursor']],
  [
    'a cursor that is forged',
    ['GET', `/v1/audits?cursor=${Buffer.from('["x"]').toString('base64url')}`],
    400,
    ['query /cursor'],
  ],
  ['an id that is none', ['GET', '/v1/audits/17'], 400, ['path /id']],
  ['a version that is none', ['GET', '/v1/policies/ports/versions/zero'], 400, ['path /version']],
  ['a name in the path that is none', ['GET', '/v1/targets/a%20b'], 400, ['path /name']],
  ['a limit beyond all numbers', ['GET', '/v1/targets?limit=1e999'], 400, ['query /limit']],
  ['a limit before all numbers', ['GET', '/v1/audits?limit=-1e999'], 400, ['query /limit']],
  ['a query that is not UTF-8', ['GET', '/v1/audits?correlationId=%ff'], 400],
  ['half a character in a query', ['GET', '/v1/audits?correlationId=%ed%a0%80'], 400],
  ['a query that is encoded in part', ['GET', '/v1/audits?correlationId=100%'], 400],
  ['a URL that is none', ['GET', '/v1/targets/%zz'], 400],

  ['NUL in a text', audit({ reason: nul }), 400, ['body /reason']],
  ['NUL in a label', target({ labels: { site: nul } }), 400, ['body /labels/site']],
  ['NUL in a parameter', target({ params: { note: nul } }), 400, ['body /params/note']],
  ['NUL in a role', target({ roles: [nul] }), 400, ['body /roles/0']],
  ['half a character in a text', audit({ correlationId: half }), 400, ['body /correlationId']],
  ['half a character in a label', target({ labels: { site: half } }), 400, ['body /labels/site']],
  ['NUL in the URL', ['GET', '/v1/audits?correlationId=a%00b'], 400, ['query /correlationId']],
  ['NUL in a label filter', ['GET', '/v1/targets?label=site:%00'], 400, ['query /label']],
  ['NUL in a filter', ['GET', `/v1/audits/${uuid}/findings?target=%00`], 400, ['query /target']],

  ['an unknown policy', audit({ policy: 'nothing' }), 422, ['body /policy']],
  ['an unknown target', audit({ targets: ['there', 'lost'] }), 422, ['body /targets/1']],
  ['an unknown parameter', audit({ params: { openPort: 1, closedPort: 2, port: 3 } }), 422, ['body /params/port']],
  [
    'a parameter of the wrong type',
    audit({ params: { openPort: '1', closedPort: 2 } }),
    422,
    ['body /params/openPort'],
  ],
  ['a required parameter that is missing', audit({ params: { openPort: 1 } }), 422, ['body /params/closedPort']],
  ['an address that is none', target({ address: '127.1' }), 422, ['body /address']],
  [
    'an address of an inline target that is none',
    audit({ targets: [{ name: 'x', address: 'a b' }] }),
    422,
    ['body /targets/0/address'],
  ],
  ['an invalid point in time', ['GET', '/v1/reports/drift?from=yesterday&to=audit:1'], 422, ['query /from']],
  [
    'the point in time of an unknown audit',
    ['GET', `/v1/reports/drift?from=2026-01-01T00:00:00Z&to=audit:${uuid}`],
    422,
    ['query /to'],
  ],
  [
    'a day that is none',
    ['GET', '/v1/reports/drift?from=2026-02-30T00:00:00Z&to=2026-01-01T00:00:00Z'],
    422,
    ['query /from'],
  ],
  [
    'a year before all years',
    ['GET', '/v1/reports/drift?from=0000-01-01T00:00:00Z&to=2026-01-01T00:00:00Z'],
    422,
    ['query /from'],
  ],

  ['a target that is not there', ['GET', '/v1/targets/lost'], 404],
  ['the history of a target that is not there', ['GET', '/v1/targets/lost/history'], 404],
  ['a change of a target that is not there', ['PATCH', '/v1/targets/lost', { body: { address: '10.0.0.1' } }], 404],
  ['the end of a target that is not there', ['DELETE', '/v1/targets/lost'], 404],
  ['an audit that is not there', ['GET', `/v1/audits/${uuid}`], 404],
  ['the findings of an audit that is not there', ['GET', `/v1/audits/${uuid}/findings`], 404],
  ['canceling an audit that is not there', ['POST', `/v1/audits/${uuid}/cancel`], 404],
  ['a policy that is not there', ['GET', '/v1/policies/lost'], 404],
  ['a version that is not there', ['GET', '/v1/policies/ports/versions/99'], 404],
  ['the versions of a policy that is not there', ['GET', '/v1/policies/lost/versions'], 404],
  ['a target that is there already', ['POST', '/v1/targets', { body: { name: 'there', address: '10.0.0.1' } }], 409],
]

describe('a bad request gets problem details that name the field', () => {
  test.each(cases)('%s', async (_, [method, url, call], status, pointers = []) => {
    const { status: received, headers, body } = await service.call(method, url, call)
    expect([received, body]).toEqual([status, expect.objectContaining({ type: 'about:blank', status })])
    expect(headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(body.title).toEqual(expect.any(String))
    expect(body.detail).toMatch(/\S{2,}/)
    const named = (body.errors ?? []).map((error: { in: string; pointer: string }) => `${error.in} ${error.pointer}`)
    expect(named).toEqual(expect.arrayContaining(pointers))
    expect(named.length > 0 || pointers.length === 0).toBe(true)
    for (const error of body.errors ?? []) expect(error.detail).toMatch(/\S{2,}/)
  })

  test('that names one field where one is wrong', async () => {
    const { body } = await service.call(...audit({ targets: [{ name: 'x', address: '10.0.0.1', lables: {} }] }))
    expect(body.errors).toHaveLength(1)
    expect(body.detail).toContain('/targets/0/lables')
  })

  test.each<[string, Request, string]>([
    [
      'a pattern, by an example',
      ['GET', '/v1/targets?label=site'],
      '/label/0 must match pattern "^[^:]+:.*$", for example site:hq',
    ],
    ['what may be one thing or another', audit({ targets: 'there' }), '/targets must be array or object'],
    ['a body that is missing', ['POST', '/v1/audits', {}], 'the body must be object'],
    [
      'a media type that is not taken',
      ['POST', '/v1/audits', { body: 'x', headers: { 'content-type': 'text/plain' } }],
      'send it as application/json',
    ],
    [
      'a media type of a policy that is not taken',
      ['POST', '/v1/policies/validate', { body: 'x', headers: { 'content-type': 'text/plain' } }],
      'send it as application/json, application/yaml',
    ],
    [
      'a body that is compressed',
      ['POST', '/v1/audits', { body: {}, headers: { 'content-encoding': 'gzip' } }],
      'the body must be uncompressed UTF-8',
    ],
    ['a target that is not there', audit({ targets: ['lost'] }), 'there is no target lost: GET /v1/targets lists them'],
  ])('that says what would be right: %s', async (_, [method, url, more], detail) => {
    expect((await service.call(method, url, more)).body.detail).toBe(detail)
  })

  test('that does not grow with the request', async () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`field${i}`, 1]))
    const { body } = await service.call('POST', '/v1/targets', { body: { name: 'x', address: '10.0.0.1', ...many } })
    expect(body.errors.length).toBeLessThanOrEqual(20)
  })

  const list = <T>(length: number, item: (i: number) => T) => Array.from({ length }, (_, i) => item(i))
  const members = (count: number) => Object.fromEntries(list(count, (i) => [`k${i}`, 0]))
  const policy = (rules: object[]): Request => ['PUT', '/v1/policies/p', { body: { name: 'p', title: 'p', rules } }]
  const vast: [string, Request, status: number, first: string | undefined, count: number][] = [
    ['items', audit({ targets: list(40_000, () => 0) }), 400, '/targets', 1],
    ['items of a union', audit({ targets: list(19_000, () => ({})) }), 400, '/targets/0/name', 1],
    ['items inside', target({ params: { a: list(2_000_000, () => 0) } }), 400, undefined, 0],
    [
      'items inside that are few enough to be read',
      target({ params: { a: list(40_000, () => 0) } }),
      400,
      '/params/a',
      1,
    ],
    ['names', target(members(200_000)), 400, undefined, 0],
    ['parts of a policy', policy([{ tags: list(600_000, () => 0) }]), 400, undefined, 0],
    ['issues of a policy', policy(list(11, () => members(9_000))), 422, '/rules/0/id', 20],
  ]
  test.each(vast)('that has vastly many %s, at little cost', async (_, [method, url, call], status, first, count) => {
    const before = process.cpuUsage()
    const { status: received, body } = await service.call(method, url, call)
    const { user, system } = process.cpuUsage(before)
    const pointers = (body.errors ?? []).map(({ pointer }: { pointer: string }) => pointer)
    expect([received, pointers[0], pointers.length]).toEqual([status, first, count])
    expect((user + system) / 1_000_000).toBeLessThan(4) // seconds; each took more, up to minutes
  })

  test('and changes nothing', async () => {
    expect(await service.query('SELECT FROM audit')).toEqual([])
    expect((await service.walk('/v1/targets')).flat().map(({ name }) => name)).toEqual(['there'])
  })
})
