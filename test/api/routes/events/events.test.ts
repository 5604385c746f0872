import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { publish } from '../../../../src/operations/events/publish.ts'
import { startService, type TestService } from '../../../support/service.ts'
import { startAudit } from '../../../support/stores.ts'

let api: TestService
let url: string
let team: { key: string; id: string }
beforeAll(async () => {
  api = await startService({ working: false })
  url = await api.listen()
  const body = { name: 'blue', scopes: ['reports:read'], targets: { labels: { team: 'blue' } } }
  team = (await api.call('POST', '/v1/keys', { body })).body
})
afterAll(() => api?.stop())

const accept = 'text/event-stream'
const open = async (key = api.key, headers: Record<string, string> = {}) => {
  const leaving = new AbortController()
  const response = await fetch(`${url}/v1/events`, {
    headers: { accept, authorization: `Bearer ${key}`, ...headers },
    signal: leaving.signal,
  })
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  const events = () =>
    [...text.matchAll(/^event: (\S+)\n(?:id: (\S+)\n)?data: (.*)$/gm)].map(([, name, id, data]) => ({
      name,
      id: id ?? '',
      body: JSON.parse(data ?? '{}'),
    }))
  const read = async () => {
    const { value = '', done } = (await reader?.read()) ?? { done: true }
    text += value
    return done
  }
  await read() // the stream is there once its first bytes are
  return {
    response,
    leave: () => leaving.abort(),
    /** The events, once there are so many. */
    async take(count: number) {
      while (events().length < count && !(await read())) {} // each turn reads what has come
      return events()
    },
    async toEnd() {
      while (!(await read())) {} // each turn reads what has come
      return events()
    },
  }
}

const vantage = (name: string) => ({
  ...{ type: 'vantage.absent' as const, subject: name },
  data: { vantage: { name, zones: ['client'], kind: 'agent' as const, lastSeenAt: new Date(0).toISOString() } },
})
const announce = (...names: string[]) => api.transaction((tx) => publish(tx, names.map(vantage)))
const endAudit = async () => {
  const { auditId } = await startAudit(api.stores)
  await api.call('POST', `/v1/audits/${auditId}/cancel`)
  return auditId
}

describe('GET /v1/events', () => {
  test('sends what happens from now on, without any webhook, with the body of webhooks', async () => {
    const stream = await open()
    await announce('a')
    const id = await endAudit()
    const [absent, ended] = await stream.take(2)
    expect(absent).toMatchObject({ name: 'vantage.absent', body: { type: 'vantage.absent', data: vantage('a').data } })
    expect(ended).toMatchObject({ name: 'audit.completed', body: { data: { audit: { id, status: 'canceled' } } } })
    stream.leave()
  })

  test('continues after the last event that a client has, and says where that is not kept', async () => {
    const stream = await open()
    await announce('b', 'c')
    const [first] = await stream.take(1)
    stream.leave()
    const resumed = await open(api.key, { 'last-event-id': first?.id ?? '' })
    expect((await resumed.take(1)).map(({ body }) => body.data.vantage.name)).toEqual(['c'])
    resumed.leave()
    const lost = await open(api.key, { 'last-event-id': 'long-ago' })
    expect((await lost.take(1)).map(({ name }) => name)).toEqual(['missed'])
    lost.leave()
  })

  test('has nothing of what happens in a transaction that fails', async () => {
    const stream = await open()
    const failed = api.transaction(async (tx) => {
      await publish(tx, [vantage('never')])
      throw new Error('rolled back')
    })
    await expect(failed).rejects.toThrow('rolled back')
    await announce('after')
    expect((await stream.take(1)).map(({ body }) => body.data.vantage.name)).toEqual(['after'])
    stream.leave()
  })

  test('sends a team what is about its targets alone', async () => {
    await api.stores.targets.save([{ name: 'blue', address: '127.0.0.1', labels: { team: 'blue' } }])
    const stream = await open(team.key)
    await announce('d')
    await endAudit()
    const within = api.stores.within({ team: 'blue' })
    const { auditId } = await startAudit(within)
    await api.call('POST', `/v1/audits/${auditId}/cancel`)
    expect((await stream.take(1)).map(({ body }) => body.data.audit.id)).toEqual([auditId])
    stream.leave()
  })

  test('ends when the key is revoked', async () => {
    const { key, id } = (await api.call('POST', '/v1/keys', { body: { name: 'k', scopes: ['reports:read'] } })).body
    const stream = await open(key)
    const heard = stream.toEnd()
    expect((await api.call('DELETE', `/v1/keys/${id}`)).status).toBe(204)
    await announce('e')
    await heard
    expect((await open(key)).response.status).toBe(401)
  })

  test('is refused to who accepts no stream', async () => {
    expect((await api.call('GET', '/v1/events')).status).toBe(406)
  })
})
