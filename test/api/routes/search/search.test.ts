import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startService, type TestService } from '../../../support/service.ts'
import { at, finding, makeSeries, policyOf, startAudit } from '../../../support/stores.ts'

let service: TestService
let auditId: string
let fingerprint: string

beforeAll(async () => {
  service = await startService({ working: false })
  const { stores } = service
  const [one] = await makeSeries(stores, ['epp-01', 'epp-02', 'db-epp'], ['ssh-closed'])
  await stores.targets.save([
    { name: 'epp-01', address: '10.20.0.1', labels: { team: 'red' } },
    { name: 'epp-02', address: '10.20.0.2', externalId: 'ci_100%', labels: { team: 'blue' } },
    { name: 'db-epp', address: 'db.example', labels: { team: 'blue' } },
    ...Array.from({ length: 20 }, (_, i) => ({ name: `many-${i}`, address: `10.30.0.${i}` })),
  ])
  if (!one) throw new Error('no series')
  const policy = {
    ...policyOf('p', 'ssh-closed'),
    rules: [
      {
        ...policyOf('p', 'ssh-closed').rules[0],
        title: 'Shell is off limits',
        insideWindow: { expect: { state: ['open'] } },
      },
    ],
  }
  const started = await startAudit(stores, { targetIds: [one.targetId], policy: policy as never })
  auditId = started.auditId
  const certificate = {
    ...{ subject: 'CN=mail.example', issuer: 'CN=ca', notBefore: at(0).toISOString(), notAfter: at(1e9).toISOString() },
    ...{
      serialNumber: '01',
      sha256: `beef${'0'.repeat(60)}`,
      publicKey: { type: 'ec', sha256: '0' },
      selfSigned: false,
    },
  }
  const addresses = { '10.20.0.1': { state: 'open', reason: 'tls-ok', facts: { certificate } } }
  const evidence = { probe: 'tls', host: '10.20.0.1', port: 443, addresses } as never
  await stores.record({ ...started, findings: [finding(one, 1000, { evidence })] })
  await service.query(`UPDATE audit SET correlation_id = 'CHG0030001'`)
  const window = { policy: 'p', rules: ['ssh-closed'], targets: ['epp-01'], ticket: 'CHG0030002', reason: 'r' }
  const times = { from: new Date().toISOString(), to: new Date(Date.now() + 3_600_000).toISOString() }
  expect((await service.call('POST', '/v1/windows', { body: { ...window, ...times } })).status).toBe(201)
  const [series] = await service.query<{ fingerprint: string }>(
    `SELECT fingerprint FROM series WHERE target_id = ${one.targetId}`,
  )
  fingerprint = series?.fingerprint ?? ''
})
afterAll(() => service.stop())

const search = async (q: string, more: Parameters<TestService['call']>[2] = {}) =>
  (await service.call('GET', `/v1/search?${new URLSearchParams({ q })}`, more)).body
/** The kinds with results, and how many. */
const kinds = (results: Record<string, unknown[]>) =>
  Object.entries(results).flatMap(([kind, items]) => (items.length > 0 ? [`${kind} ${items.length}`] : []))

describe('GET /v1/search', () => {
  test('finds targets by name, address and external id: the text itself first, then beginnings', async () => {
    expect((await search('EPP')).targets.map(({ name }: { name: string }) => name)).toEqual([
      'epp-01',
      'epp-02',
      'db-epp',
    ])
    expect((await search('10.20.0.2')).targets[0]).toEqual({
      name: 'epp-02',
      address: '10.20.0.2',
      externalId: 'ci_100%',
    })
    expect(kinds(await search('0%'))).toEqual(['targets 1'])
    expect(kinds(await search('many-'))).toEqual(['targets 8'])
  })

  test('finds a target by an address that its name resolved to in its last findings', async () => {
    const { stores } = service
    const [one] = await makeSeries(stores, ['named'], ['ssh-closed'])
    await stores.targets.save([{ name: 'named', address: 'Named.example', labels: { team: 'red' } }])
    if (!one) throw new Error('no series')
    const resolve = async (hour: number, ...addresses: string[]) => {
      const seen = Object.fromEntries(
        addresses.map((address) => [address, { state: 'open', reason: 'tcp-open', facts: {} }]),
      )
      const evidence = { probe: 'tcp', host: 'Named.example', port: 22, addresses: seen } as never
      const started = await startAudit(stores, { targetIds: [one.targetId], policy: policyOf('q', 'r') })
      await stores.record({ ...started, findings: [finding(one, hour * 3_600_000, { evidence })] })
    }
    const names = async (text: string, more = {}) =>
      (await search(text, more)).targets.map(({ name }: { name: string }) => name)
    await resolve(1, '10.99.0.7', '2001:db8::7')
    for (const address of ['10.99.0.7', '2001:DB8:0::7']) expect(await names(address)).toEqual(['named'])
    const { body } = await service.call('GET', '/v1/targets?q=10.99.0.7&total=true')
    expect([body.items[0].name, body.total]).toEqual(['named', 1])
    await resolve(2, '10.99.0.8')
    expect([await names('10.99.0.7'), await names('10.99.0.8')]).toEqual([[], ['named']])
    const key = await stores.keys.create('blue', ['reports:read'], { targetScope: { team: 'blue' } })
    expect(await names('10.99.0.8', { key })).toEqual([])
  })

  test('finds tickets of audits and windows', async () => {
    const { tickets } = await search('chg003')
    expect(
      tickets.map(({ ticket, audits, windows }: Record<string, unknown>) => [ticket, audits, windows]).sort(),
    ).toEqual([
      ['CHG0030001', 1, 0],
      ['CHG0030002', 0, 1],
    ])
  })

  test('finds audits and findings by the beginning of their id, with or without hyphens', async () => {
    expect((await search(auditId.slice(0, 13))).audits).toMatchObject([
      { id: auditId, policy: 'p', correlationId: 'CHG0030001' },
    ])
    expect((await search(fingerprint.replaceAll('-', '').slice(0, 12))).findings).toEqual([
      { fingerprint, target: 'epp-01', policy: 'p', rule: 'ssh-closed', vantage: 'local' },
    ])
  })

  test('finds rules by id and title, and certificates by name and SHA-256', async () => {
    expect((await search('SSH')).rules).toContainEqual({
      policy: 'p',
      rule: 'ssh-closed',
      title: 'Shell is off limits',
    })
    expect((await search('off limits')).rules).toHaveLength(1)
    for (const text of ['mail.ex', 'BE:EF'])
      expect((await search(text)).certificates).toMatchObject([{ subject: 'CN=mail.example', targets: 1 }])
  })

  test('finds nothing that a key may not see', async () => {
    const input = { name: 'blue', scopes: ['reports:read'], targets: { labels: { team: 'blue' } } }
    const { key } = (await service.call('POST', '/v1/keys', { body: input })).body
    expect((await search('epp-0', { key })).targets.map(({ name }: { name: string }) => name)).toEqual(['epp-02'])
    for (const text of ['CHG003', auditId, fingerprint, 'mail.ex'])
      expect(kinds(await search(text, { key }))).toEqual([])
  })

  test.each(['', 'a', '  ', 'a'.repeat(201)])('refuses %j', async (q) => {
    expect((await service.call('GET', `/v1/search?${new URLSearchParams({ q })}`)).status).toBe(400)
  })
})
