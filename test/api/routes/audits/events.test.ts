import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { listenSilently } from '../../../support/app.ts'
import { listenHolding } from '../../../support/holding.ts'
import type { Listening } from '../../../support/listen.ts'
import { freePort } from '../../../support/ports.ts'
import { startService, type TestService } from '../../../support/service.ts'
import { startAudit } from '../../../support/stores.ts'

let api: TestService
let open: Listening
let url: string
beforeAll(async () => {
  api = await startService({ env: { PORTWARDEN_PROBE_TIMEOUT_MS: '30000' } })
  open = await listenSilently()
  url = await api.listen()
})
afterAll(async () => {
  await api?.stop()
  await open?.close()
})

const follow = (id: string, headers: Record<string, string> = {}, signal?: AbortSignal) =>
  fetch(`${url}/v1/audits/${id}/events`, {
    headers: { authorization: `Bearer ${api.key}`, ...headers },
    ...(signal && { signal }),
  })
const eventsOf = (text: string) =>
  [...text.matchAll(/^event: (\w+)\nid: (\S+)\ndata: (.*)$/gm)].map(([, name, id, data]) => ({
    name,
    id: id ?? '',
    audit: JSON.parse(data ?? ''),
  }))
const params = async () => ({ openPort: open.port, closedPort: await freePort() })

describe('the events of an audit', () => {
  test('report its progress and end with its end; a client that has that event gets 204', async () => {
    const id = await api.accept({ params: await params() })
    const response = await follow(id)
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    const events = eventsOf(await response.text())
    const last = events.at(-1)
    expect(last).toMatchObject({ name: 'ended', audit: { id, status: 'completed' } })
    expect((await follow(id, { 'last-event-id': last?.id ?? '' })).status).toBe(204)
    expect(eventsOf(await (await follow(id)).text())).toEqual([last])
  })

  test('go on for as long as the audit does, and hold nothing when the client is gone', async () => {
    await using held = await listenHolding()
    const id = await api.accept({ params: { ...(await params()), httpsPort: held.port } })
    const waits = vi.spyOn(api.notifications, 'waitForEnd')
    const leaving = new AbortController()
    const response = await follow(id, {}, leaving.signal)
    const reader = response.body?.getReader()
    let text = ''
    while (eventsOf(text).length === 0) text += new TextDecoder().decode((await reader?.read())?.value)
    expect(eventsOf(text)[0]?.name).toBe('progress')
    expect(eventsOf(text)[0]?.audit.vantages).toEqual([
      {
        ...{ name: 'local', done: expect.any(Number), total: expect.any(Number) },
        ...{ lastSeenAt: expect.any(String), waitsUntil: null },
      },
    ])
    leaving.abort()
    await expect.poll(() => waits.mock.lastCall?.[2]?.aborted).toBe(true)
    waits.mockRestore()
    held.release()
    await api.ended(id)
  })

  test('end for a key that was revoked, though the audit goes on', async () => {
    const { auditId } = await startAudit(api.stores)
    const { key, id } = (await api.call('POST', '/v1/keys', { body: { name: 'leaving', scopes: ['reports:read'] } }))
      .body
    const response = await follow(auditId, { authorization: `Bearer ${key}` })
    const heard = response.text() // to the end of the stream
    expect((await api.call('DELETE', `/v1/keys/${id}`)).status).toBe(204)
    expect(eventsOf(await heard).map(({ name }) => name)).not.toContain('ended')
    expect((await follow(auditId, { authorization: `Bearer ${key}` })).status).toBe(401)
  })

  test('are heard on a connection on which nothing happens for long', async () => {
    const { auditId } = await startAudit(api.stores)
    const leaving = new AbortController()
    const reader = (await follow(auditId, {}, leaving.signal)).body?.getReader()
    let text = ''
    const read = async (until: string) => {
      while (!text.includes(until)) text += new TextDecoder().decode((await reader?.read())?.value)
    }
    await read('event: progress')
    await api.query("UPDATE vantage SET last_seen_at = now() + interval '1 hour'") // it does not become absent
    const now = performance.now.bind(performance)
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + 15_000)
    await read(': still going\n\n')
    clock.mockRestore()
    expect(eventsOf(text)).toHaveLength(1)
    leaving.abort()
  })

  test('of no audit are a problem', async () => {
    expect((await follow('019b7600-0000-7000-8000-000000000000')).status).toBe(404)
  })
})

describe('audits are found', () => {
  test('by the external id and the labels of a target, and by their ticket', async () => {
    const target = { name: 'cmdb', address: '127.0.0.1', externalId: 'ci-1', labels: { site: 'hq', room: '1' } }
    const id = await api.accept({ targets: [target], params: await params(), correlationId: 'CHG7' })
    await api.accept({
      targets: [{ name: 'other', address: '127.0.0.1', labels: { site: 'hq' } }],
      params: await params(),
    })
    const found = async (query: string) =>
      (await api.call('GET', `/v1/audits?${query}`)).body.items.map((audit: { id: string }) => audit.id)
    expect(await found('externalId=ci-1')).toEqual([id])
    expect(await found('externalId=ci-2')).toEqual([])
    expect(await found('label=site:hq&label=room:1')).toEqual([id])
    expect(await found('label=site:hq')).toHaveLength(2)
    expect(await found('correlationId=CHG7&externalId=ci-1')).toEqual([id])
    const pages = await api.walk('/v1/audits?label=site:hq&limit=1')
    expect(pages.map((items) => items.length)).toEqual([1, 1])
    expect(pages.flat().map((audit) => audit.id)).toEqual(await found('label=site:hq'))
  })
})
