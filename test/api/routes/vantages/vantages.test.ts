import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startService, type TestService } from '../../../support/service.ts'

interface Vantage {
  name: string
  zones: string[]
  kind: string
  absent: boolean
  lastSeenAt: string | null
  version: string | null
  canary: string
  queueDepth: { waiting: number; running: number }
  lagSeconds: number
}

let api: TestService
beforeAll(async () => {
  api = await startService({
    working: false,
    env: { PORTWARDEN_VANTAGE: 'office', PORTWARDEN_ZONES: 'client,support' },
  })
})
afterAll(() => api?.stop())

const put = (name: string, zones: unknown) => api.call('PUT', `/v1/vantages/${name}`, { body: { zones } })
const get = async (name: string) => (await api.call('GET', `/v1/vantages/${name}`)).body

describe('/v1/vantages', () => {
  test('shows the vantage of a worker, with zones, version and when it was seen', async () => {
    expect((await api.call('GET', '/v1/vantages/absent')).status).toBe(404)
    await api.work()
    expect(await get('office')).toEqual({
      name: 'office',
      zones: ['client', 'support'],
      kind: 'worker',
      absent: false,
      lastSeenAt: expect.any(String),
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      canary: 'none',
      queueDepth: { waiting: 0, running: 0 },
      lagSeconds: 0,
    })
  })

  test('lists vantages by name, page by page', async () => {
    for (const name of ['p-3', 'p-1', 'p-2']) await put(name, ['dmz'])
    const names: string[] = []
    for (let cursor = ''; ; ) {
      const { body } = await api.call('GET', `/v1/vantages?limit=2${cursor}`)
      names.push(...body.items.map(({ name }: Vantage) => name))
      if (body.next === null) break
      cursor = `&cursor=${body.next}`
    }
    expect(names).toEqual(names.toSorted())
    expect(names).toEqual(expect.arrayContaining(['p-1', 'p-2', 'p-3']))
  })

  test('registers the vantage of an agent, which is absent until it is seen', async () => {
    expect((await put('branch', ['untrusted'])).body).toMatchObject({ kind: 'agent', absent: true, lastSeenAt: null })
    expect((await put('branch', ['untrusted', 'client'])).body.zones).toEqual(['untrusted', 'client'])
  })

  test('removes the vantage of an agent: it is gone, its agent is refused, and its name can be registered as new', async () => {
    await put('leaving', ['untrusted'])
    const lease = () => api.call('POST', '/v1/vantages/leaving/leases', { body: {}, key: agentKey })
    const { body: made } = await api.call('POST', '/v1/keys', { body: { name: 'agent', scopes: ['vantage:leaving'] } })
    const agentKey = made.key
    expect((await lease()).status).toBe(204)
    expect((await api.call('DELETE', '/v1/vantages/leaving')).status).toBe(204)
    expect((await api.call('GET', '/v1/vantages/leaving')).status).toBe(404)
    expect((await api.call('DELETE', '/v1/vantages/leaving')).status).toBe(404)
    expect((await lease()).status).toBe(404)
    expect((await api.walk('/v1/vantages')).flat().map(({ name }: Vantage) => name)).not.toContain('leaving')
    const again = { body: { zones: ['client'] }, headers: { 'if-none-match': '*' } }
    expect((await api.call('PUT', '/v1/vantages/leaving', again)).body).toMatchObject({ lastSeenAt: null })
    expect((await lease()).status).toBe(204)
    const { body } = await api.call('GET', '/v1/ledger?limit=500')
    const actions = body.items.filter(({ subject }: { subject: string }) => subject === 'leaving')
    expect(actions.map(({ action }: { action: string }) => action)).toEqual([
      'vantage.put',
      'vantage.remove',
      'vantage.put',
    ])
    expect((await api.call('GET', '/v1/ledger/verify')).body.broken).toBeNull()
  })

  test('removes no vantage that a worker serves, or that a schedule names', async () => {
    await api.stores.vantages.announce({ name: 'served', zones: ['client'] })
    const served = await api.call('DELETE', '/v1/vantages/served')
    expect([served.status, served.body.detail]).toEqual([409, expect.stringContaining('PORTWARDEN_VANTAGE')])
    await put('named', ['client'])
    await api.call('PUT', '/v1/targets/named', { body: { address: '127.0.0.1' } })
    const audit = { policy: 'netwrix-endpoint-protector', targets: ['named'], vantages: ['named'] }
    await api.call('POST', '/v1/schedules', { body: { name: 'nightly', cron: '@daily', audit } })
    const named = await api.call('DELETE', '/v1/vantages/named')
    expect([named.status, named.body.detail]).toEqual([409, expect.stringContaining('nightly')])
    expect((await get('named')).zones).toEqual(['client'])
    await api.call('DELETE', '/v1/schedules/nightly')
    expect((await api.call('DELETE', '/v1/vantages/named')).status).toBe(204)
  })

  test('that was removed comes back with a worker that serves it', async () => {
    await put('returning', ['client'])
    await api.call('DELETE', '/v1/vantages/returning')
    await api.stores.vantages.announce({ name: 'returning', zones: ['server'] })
    expect(await get('returning')).toMatchObject({ kind: 'worker', zones: ['server'], absent: false })
  })

  test('leaves the zones of a worker to its configuration', async () => {
    await api.stores.vantages.announce({ name: 'hall', zones: ['client'] })
    expect((await put('hall', ['untrusted'])).status).toBe(409)
    expect((await get('hall')).zones).toEqual(['client'])
  })

  test('gives the vantage of an absent worker to an agent', async () => {
    await api.stores.vantages.announce({ name: 'moved', zones: ['client'] })
    await api.query("UPDATE vantage SET last_seen_at = last_seen_at - interval '1 minute' WHERE name = 'moved'")
    expect((await put('moved', ['untrusted'])).body).toMatchObject({ kind: 'agent', zones: ['untrusted'] })
  })

  test('counts the batches that wait, and says for how long', async () => {
    await put('busy', ['nowhere'])
    await api.transaction((_, tx) =>
      api.enqueueBatches(
        tx,
        'busy',
        [1, 2].map((batchId) => ({ auditId: 'a', batchId, checks: 1 })),
      ),
    )
    await api.query("UPDATE pgboss.job SET created_on = created_on - interval '1 minute' WHERE name = 'batch/busy'")
    const busy = await get('busy')
    expect(busy.queueDepth).toEqual({ waiting: 2, running: 0 })
    expect(busy.lagSeconds).toBeGreaterThanOrEqual(60)
  })

  test('refuses zones that no rule could name', async () => {
    expect((await put('bad', ['Not A Zone'])).status).toBe(400)
    expect((await put('bad', [])).status).toBe(400)
    expect((await put('zone:x', ['client'])).status).toBe(400)
  })
})

describe('/v1/absences', () => {
  test('has the times without a heartbeat, newest first, and those that last until now', async () => {
    await put('away', ['dmz'])
    await put('never', ['dmz'])
    const heartbeatAt = (time: string) => api.query(`UPDATE vantage SET last_seen_at = '${time}' WHERE name = 'away'`)
    await heartbeatAt('2026-11-20T10:00:00Z')
    await api.stores.vantages.touch('away')
    await api.stores.vantages.touch('away')
    const absences = async (query: string) => (await api.call('GET', `/v1/absences?${query}`)).body.items
    const first = { vantage: 'away', from: '2026-11-20T10:00:00.000Z', to: expect.any(String) }
    expect(await absences('vantage=away')).toEqual([first])
    await heartbeatAt('2026-11-21T10:00:00Z')
    const second = { vantage: 'away', from: '2026-11-21T10:00:00.000Z', to: null }
    expect(await absences('vantage=away')).toEqual([second, first])
    expect(await absences('to=2026-11-21T00:00:00Z')).toEqual([first])
    expect(await absences('to=2026-11-20T10:00:00Z')).toEqual([])
    expect((await absences('')).filter(({ vantage }: { vantage: string }) => vantage === 'never')).toEqual([])
    const { body } = await api.call('GET', '/v1/absences?format=csv&vantage=away')
    expect(body.split('\r\n').length).toBe(4)
  })

  test('a worker that starts again ends its absence, too', async () => {
    await api.query("UPDATE vantage SET last_seen_at = '2026-11-20T10:00:00Z' WHERE name = 'office'")
    await api.stores.vantages.announce({ name: 'office', zones: ['client', 'support'] })
    const { items } = (await api.call('GET', '/v1/absences?vantage=office')).body
    expect(items).toMatchObject([{ from: '2026-11-20T10:00:00.000Z' }])
  })
})
