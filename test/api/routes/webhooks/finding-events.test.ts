import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { listenSilently } from '../../../support/app.ts'
import type { Listening } from '../../../support/listen.ts'
import { freePort } from '../../../support/ports.ts'
import { type Receiver, startReceiver } from '../../../support/receiver.ts'
import { startService, type TestService } from '../../../support/service.ts'

const publicUrl = 'https://audits.example/portwarden'

let api: TestService
let open: Listening
let closed: number
let receiver: Receiver
beforeAll(async () => {
  api = await startService({ env: { PORTWARDEN_PUBLIC_URL: publicUrl } })
  open = await listenSilently()
  closed = await freePort()
})
beforeEach(async () => {
  receiver = await startReceiver()
  return () => receiver.close()
})
afterAll(async () => {
  await api?.stop()
  await open?.close()
})

const subscribe = async (more: object = {}) => {
  const events = ['finding.opened', 'finding.still-open', 'finding.resolved']
  const response = await api.call('POST', '/v1/webhooks', { body: { url: receiver.url, events, ...more } })
  expect(response.status, JSON.stringify(response.body)).toBe(201)
  return response.body.id as string
}
const forget = (id: string) => api.call('DELETE', `/v1/webhooks/${id}`)
/** An audit of a host whose port that must be open is so, or not. */
const audit = async (target: string, isOpen: boolean) => {
  const params = { openPort: isOpen ? open.port : closed, closedPort: closed }
  const id = await api.accept({ targets: [{ name: target, address: '127.0.0.1', labels: { of: target } }], params })
  return api.ended(id)
}
const published = () =>
  receiver.received.map(({ body }) => [body.type, body.data.finding.target, body.data.finding.rule])

describe('a finding', () => {
  test('opens a ticket, keeps it open and resolves it, under one fingerprint that survives a rename', async () => {
    const id = await subscribe()
    await audit('a', false)
    const before = await audit('a', false)
    await receiver.came(2)
    await api.query(`UPDATE target SET name = 'renamed' WHERE name = 'a'`)
    const last = await audit('renamed', true)
    await receiver.came(3)
    expect(published()).toEqual([
      ['finding.opened', 'a', 'must-be-open'],
      ['finding.still-open', 'a', 'must-be-open'],
      ['finding.resolved', 'renamed', 'must-be-open'],
    ])
    expect(new Set(receiver.received.map(({ body }) => body.data.finding.fingerprint)).size).toBe(1)
    const { fingerprint } = receiver.received[0]?.body.data.finding ?? {}
    const { body: history } = await api.call('GET', '/v1/targets/renamed/history')
    const { body: findings } = await api.call('GET', `/v1/audits/${last.id}/findings?rule=must-be-open`)
    const { body: drift } = await api.call('GET', `/v1/reports/drift?from=audit:${before.id}&to=audit:${last.id}`)
    for (const { items } of [history, findings, drift])
      expect(items.filter((item: { rule: string }) => item.rule === 'must-be-open')).toContainEqual(
        expect.objectContaining({ fingerprint }),
      )
    expect(receiver.received[0]?.body.data.finding).toMatchObject({ severity: 'high', result: 'fail', policy: 'ports' })
    for (const { body } of receiver.received) {
      expect(body.data.finding.url).toBe(`${publicUrl}/ui/findings/${fingerprint}`)
      expect(body.data.auditUrl).toBe(`${publicUrl}/ui/audits/${body.data.audit}`)
    }
    await forget(id)
  })

  test('has the same fingerprint when its rule says it otherwise, and its target is moved, retired and brought back', async () => {
    const id = await subscribe({ filter: { labels: { of: 'moved' } } })
    const fingerprints = async (auditId: string) =>
      (await api.call('GET', `/v1/audits/${auditId}/findings`)).body.items.map(
        (item: { rule: string; fingerprint: string }) => [item.rule, item.fingerprint],
      )
    const before = await fingerprints((await audit('moved', false)).id)
    const { document } = (await api.call('GET', '/v1/policies/ports')).body
    const rules = document.rules.map((rule: object) => ({ ...rule, title: 'As it is called now', severity: 'low' }))
    const put = await api.call('PUT', '/v1/policies/ports', { body: { ...document, title: 'Others', rules } })
    expect(put.status, JSON.stringify(put.body)).toBe(201)
    onTestFinished(async () => void (await api.call('PUT', '/v1/policies/ports', { body: document })))
    await api.call('DELETE', '/v1/targets/moved')
    const target = { address: '127.0.0.2', externalId: 'CI-2', roles: ['new'], labels: { of: 'moved', site: 'hq' } }
    expect((await api.call('PUT', '/v1/targets/moved', { body: target })).status).toBe(201)
    const params = { openPort: closed, closedPort: closed }
    const after = await api.ended(await api.accept({ targets: ['moved'], params }))
    expect(await fingerprints(after.id)).toEqual(before)
    expect((await receiver.came(2)).map(({ body }) => [body.type, body.data.finding.title])).toEqual([
      ['finding.opened', 'must-be-open'],
      ['finding.still-open', 'As it is called now'],
    ])
    await forget(id)
  })

  test('is opened for each webhook by itself, whenever that began to listen, and only where its filter lets it', async () => {
    const first = await subscribe({ filter: { labels: { of: 'b' } } })
    await audit('b', false)
    await receiver.came(1)
    const second = await subscribe({ filter: { labels: { of: 'b' } } })
    const kept = await subscribe({ filter: { labels: { of: 'c' } } })
    await audit('b', false)
    await receiver.came(3)
    expect(
      published()
        .map(([type]) => type)
        .sort(),
    ).toEqual(['finding.opened', 'finding.opened', 'finding.still-open'])
    for (const id of [first, second, kept]) await forget(id)
  })

  test('is resolved when its target is retired', async () => {
    const id = await subscribe({ filter: { labels: { of: 'd' } } })
    await audit('d', false)
    await receiver.came(1)
    await api.call('DELETE', '/v1/targets/d')
    await audit('e', true)
    const last = (await receiver.came(2))[1]
    expect(last?.body).toMatchObject({ type: 'finding.resolved', data: { resolution: 'out-of-scope' } })
    await forget(id)
  })

  test('opens and clears in ServiceNow under one key', async () => {
    const id = await subscribe({ format: 'servicenow-em', filter: { labels: { of: 'f' } } })
    await audit('f', false)
    await audit('f', true)
    const [first, second] = (await receiver.came(2)).map(({ body }) => body.records[0])
    expect(first).toMatchObject({ node: 'f', severity: '1' })
    expect(first.description).toContain(`\n${publicUrl}/ui/findings/`)
    expect(second).toMatchObject({ severity: '0', message_key: first.message_key })
    await forget(id)
  })

  test('opens an alert in Jira and closes it', async () => {
    const id = await subscribe({ format: 'jira-ops', filter: { labels: { of: 'g' } } })
    await audit('g', false)
    await audit('g', true)
    const [first, second] = await receiver.came(2)
    expect(first).toMatchObject({ path: '/hooks', body: { entity: 'g', priority: 'P1' } })
    expect(first?.body.description).toContain(`\n${publicUrl}/ui/findings/`)
    expect(second?.path).toBe(`/hooks/${encodeURIComponent(first?.body.alias)}/close?identifierType=alias`)
    await forget(id)
  })
})

describe('drift', () => {
  test('is published against the audit before, and not where nothing differs', async () => {
    const id = await subscribe({ events: ['drift.detected', 'audit.completed'] })
    const before = await audit('h', true)
    await audit('h', true)
    const after = await audit('h', false)
    const types = (await receiver.came(4)).map(({ body }) => body.type)
    expect(types).toEqual(['audit.completed', 'audit.completed', 'audit.completed', 'drift.detected'])
    const { data } = receiver.received[3]?.body ?? {}
    expect(data).toMatchObject({ audit: after.id, policy: 'ports', summary: { regressed: 1 }, complete: true })
    expect(data.auditUrl).toBe(`${publicUrl}/ui/audits/${after.id}`)
    expect(data.items).toMatchObject([{ target: 'h', rule: 'must-be-open', class: 'regressed' }])
    expect(data.previous).not.toBe(before.id)
    expect(data.report).toBe(`/portwarden/v1/reports/drift?from=audit:${data.previous}&to=audit:${after.id}`)
    await forget(id)
  })
})
