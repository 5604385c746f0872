import ICAL from 'ical.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TlsFacts } from '../../../../src/domain/protocols/tls.ts'
import { startService, type TestService } from '../../../support/service.ts'
import { at, finding, makeSeries, startAudit } from '../../../support/stores.ts'

const dayMs = 86_400_000
const hostile = `CN=<script>alert(1)</script>;a,b\\c\nBEGIN:VEVENT`
const certificate = (digit: string, days: number, subject: string): NonNullable<TlsFacts['certificate']> => ({
  ...{ subject, issuer: 'CN=ca', sans: [`DNS:${digit}.example`], serialNumber: '01', selfSigned: false },
  ...{ notBefore: at(0).toISOString(), notAfter: at(days * dayMs).toISOString(), sha256: digit.repeat(64) },
  publicKey: { type: 'ec', bits: 256, sha256: 'b'.repeat(64) },
})
const shared = certificate('1', 10, 'CN=shared')
const second = certificate('2', 100, hostile)
const renewed = certificate('3', 400, 'CN=renewed')

let service: TestService
/** The target one shows `shared` with HTTPS and, in a group of its own, with LDAP; two shows the same untrusted, and `second`. */
beforeAll(async () => {
  service = await startService({ working: false })
  const { stores } = service
  const [oneA, oneB, twoA, twoB] = await makeSeries(stores, ['one', 'two'], ['a', 'b'])
  await stores.targets.save(
    ['one', 'two'].map((name) => ({ name, address: '127.0.0.1', labels: { team: name === 'one' ? 'red' : 'blue' } })),
  )
  const record = async (ms: number, seen: [typeof oneA, string, number, object][]) => {
    const started = await startAudit(stores, { targetIds: seen.flatMap(([one]) => one?.targetId ?? []) })
    const findings = seen.flatMap(([one, probe, port, facts]) => {
      const addresses = { '127.0.0.1': { state: 'open', reason: 'tls-ok', facts } }
      return one ? finding(one, ms, { evidence: { probe, host: one.target, port, addresses } as never }) : []
    })
    await stores.record({ ...started, findings })
  }
  await record(1000, [
    [oneA, 'https', 443, { certificate: shared, trusted: true, nameMatches: true }],
    [oneB, 'ldap', 389, { tls: { certificate: shared, trusted: true } }],
    [twoA, 'tls', 443, { certificate: shared, trusted: false, trustError: 'CERT_HAS_EXPIRED', nameMatches: true }],
    [twoB, 'smtp', 25, { tls: { certificate: second } }],
  ])
  await record(5000, [[oneA, 'https', 443, { certificate: renewed, trusted: true, nameMatches: true }]])
})
afterAll(() => service.stop())

const get = (query: Record<string, string>, more: Parameters<TestService['call']>[2] = {}) =>
  service.call('GET', `/v1/reports/certificates?${new URLSearchParams({ at: at(6000).toISOString(), ...query })}`, more)
const subjects = ({ items }: { items: { subject: string }[] }) => items.map(({ subject }) => subject)

describe('GET /v1/reports/certificates', () => {
  test('has each certificate once, the first to end first, with all endpoints and what holds in all of them', async () => {
    const { status, body } = await get({})
    expect([status, subjects(body)]).toEqual([200, ['CN=shared', hostile, 'CN=renewed']])
    expect(body.items[0]).toMatchObject({
      ...{ sha256: shared.sha256, daysLeft: 9, trusted: false, trustError: 'CERT_HAS_EXPIRED', nameMatches: true },
      targets: 2,
      seen: [
        { target: 'one', host: 'one', address: '127.0.0.1', port: 389 },
        { target: 'two', host: 'two', address: '127.0.0.1', port: 443 },
      ],
    })
    expect(body.items[1]).toMatchObject({ trusted: null, nameMatches: null, targets: 1 })
  })

  test('is of a point in time', async () => {
    const { body } = await get({ at: at(2000).toISOString() })
    expect(subjects(body)).toEqual(['CN=shared', hostile])
    expect(body.items[0].seen).toHaveLength(3)
    expect((await get({ at: at(500).toISOString() })).body.items).toEqual([])
  })

  test('is limited by end, target, labels and text, and by the labels of a key', async () => {
    expect(subjects((await get({ expiresBefore: at(50 * dayMs).toISOString() })).body)).toEqual(['CN=shared'])
    expect(subjects((await get({ target: 'two' })).body)).toEqual(['CN=shared', hostile])
    expect(subjects((await get({ label: 'team:red' })).body)).toEqual(['CN=shared', 'CN=renewed'])
    expect(subjects((await get({ q: 'RENEWED' })).body)).toEqual(['CN=renewed'])
    expect(subjects((await get({ q: '2.example' })).body)).toEqual([hostile])
    expect(subjects((await get({ q: '11:11' })).body)).toEqual(['CN=shared'])
    expect(subjects((await get({ policy: 'q' })).body)).toEqual([])
    const input = { name: 'red', scopes: ['reports:read'], targets: { labels: { team: 'red' } } }
    const { key } = (await service.call('POST', '/v1/keys', { body: input })).body
    const { body } = await get({}, { key })
    expect(subjects(body)).toEqual(['CN=shared', 'CN=renewed'])
    expect(body.items[0]).toMatchObject({ targets: 1, trusted: true, seen: [{ target: 'one' }] })
  })

  test('comes in pages', async () => {
    const pages = await service.walk(`/v1/reports/certificates?limit=1&at=${at(6000).toISOString()}`)
    expect(pages.map(([item]) => item.sha256[0])).toEqual(['1', '2', '3'])
  })

  test('comes as CSV, NDJSON and as a calendar that a parser reads', async () => {
    const lines = (await get({ format: 'csv' })).body.trim().split('\r\n')
    expect([lines.length, lines[1]]).toEqual([4, expect.stringContaining('one (127.0.0.1 port 389), two (127.0.0.1')])
    expect((await get({ format: 'ndjson' })).body.trim().split('\n')).toHaveLength(3)
    const { headers, body } = await get({}, { headers: { accept: 'text/calendar' } })
    expect(headers['content-type']).toBe('text/calendar; charset=utf-8')
    const events = new ICAL.Component(ICAL.parse(body)).getAllSubcomponents('vevent')
    expect(events.map((event) => event.getFirstPropertyValue('summary'))).toEqual([
      'Certificate ends: CN=shared',
      `Certificate ends: ${hostile}`,
      'Certificate ends: CN=renewed',
    ])
    expect((await get({}, { headers: { accept: 'image/png' } })).status).toBe(406)
  })

  test('has a strong ETag', async () => {
    const { headers } = await get({})
    expect((await get({}, { headers: { 'if-none-match': String(headers.etag) } })).status).toBe(304)
  })
})
