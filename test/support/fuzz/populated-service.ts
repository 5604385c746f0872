import { newEvent } from '../../../src/operations/events/message.ts'
import { callbacksId } from '../../../src/store/webhooks/webhooks.ts'
import { ports } from '../app.ts'
import { startService, type TestService } from '../service.ts'
import { createKnown, type Known, keptTarget, learn } from './known.ts'
import type { Keys } from './send.ts'

/** A service that listens, has one resource of each kind at least, and dials nothing any more. */
export interface PopulatedService {
  service: TestService
  url: string
  keys: Keys
  /** The names and ids that requests may use. */
  known: Known
}

export async function startPopulatedService(): Promise<PopulatedService> {
  const service = await startService({
    env: {
      PORTWARDEN_ALLOW: '127.0.0.1/32:9',
      PORTWARDEN_WEBHOOK_ALLOW: '127.0.0.1/32:9',
      PORTWARDEN_REQUESTS_PER_MINUTE: '100000000',
      PORTWARDEN_REFUSALS_PER_MINUTE: '100000000',
      PORTWARDEN_AUDITS_PER_MINUTE: '100000000',
    },
  })
  const url = await service.listen()
  const known = createKnown()
  await populate(service, known)
  await service.rest(5_000) // stops the worker: from here on nothing is dialled and no name is resolved
  const team = {
    name: 'team',
    scopes: ['audits:run', 'targets:write', 'reports:read'],
    targets: { labels: { site: 'hq' } },
  }
  const keys: Keys = {
    admin: await service.stores.keys.create('fuzz', ['admin']),
    limited: (await service.call('POST', '/v1/keys', { body: team })).body.key,
    none: undefined,
    wrong: `pw_${'0'.repeat(16)}_${'0'.repeat(43)}`,
  }
  return { service, url, keys, known }
}

async function populate(service: TestService, known: Known): Promise<void> {
  const make = async (path: string, body: object) => {
    const response = await service.call('POST', path, { body, headers: { prefer: 'wait=10' } })
    if (response.status >= 300)
      throw new Error(`POST ${path}: status ${response.status}: ${JSON.stringify(response.body)}`)
    learn(known, path, response.body)
    return response.body
  }
  await service.call('PUT', '/v1/vantages/branch', { body: { zones: ['elsewhere'] } })
  await service.call('POST', '/v1/targets', {
    body: { name: keptTarget, address: '127.0.0.1', labels: { site: 'hq' } },
  })
  for (const name of ['a', 'b', 'c']) await make('/v1/targets', { name, address: '127.0.0.1', labels: { site: 'hq' } })
  const params = { openPort: 9, closedPort: 9 }
  const audit = { policy: 'ports', targets: ['a', 'b'], params }
  for (const policy of ['ports', 'ports@1']) {
    const { id } = await make('/v1/audits', { ...audit, policy, vantages: ['local'] })
    known.add('times', `audit:${id}`)
    known.add('ended', id)
  }
  for (let leased = 0; leased < 20; leased += 1)
    await service.call('POST', '/v1/audits', { body: { ...audit, vantages: ['branch'] } })
  const day = 86_400_000
  const [now, tomorrow] = [new Date().toISOString(), new Date(Date.now() + day).toISOString()]
  const scope = {
    policy: 'netwrix-endpoint-protector',
    rules: ['ssh-support'],
    targets: ['a'],
    ticket: 'CHG1',
    reason: 'a test',
  }
  const waiver = { policy: 'ports', rules: ['must-be-open'], targets: ['a'], reason: 'a test', expiresAt: tomorrow }
  const { id: audit1 } = await make('/v1/audits', { ...audit, vantages: ['local'] })
  const event = newEvent('ping', new Date(), { webhook: callbacksId })
  const delivery = { webhookId: callbacksId, eventId: event.id, lane: 'ping', url: 'http://127.0.0.1:9/' }
  for (const id of await service.stores.deliveries.add([event], [delivery, delivery, delivery])) known.add('dead', id)
  await service.query("UPDATE webhook_delivery SET status = 'dead'")
  await make('/v1/baselines', { name: 'base', audit: audit1, reason: 'a test' })
  await make('/v1/schedules', {
    name: 'nightly',
    cron: '30 2 * * *',
    audit: { policy: 'ports', targets: ['a'], params },
  })
  // No operation of the document starts a session.
  for (let ended = 0; ended < 40; ended += 1) {
    const person = { caller: 'oidc:ann', name: 'ann', scopes: [], createdAt: new Date(), signedInAt: null }
    const times = { endsAt: new Date(tomorrow), idleMs: day }
    known.add('sessions', (await service.stores.sessions.create({ ...person, ...times })).session.id)
  }
  for (let i = 0; i < 3; i += 1) {
    await make('/v1/windows', { ...scope, targets: [['a', 'b', 'c'][i]], from: now, to: tomorrow })
    await make('/v1/waivers', waiver)
    const { id } = await make('/v1/webhooks', { url: 'http://127.0.0.1:9/', events: ['audit.completed'] })
    await make(`/v1/webhooks/${id}/ping`, {})
  }
  // What the requests themselves make is newer, and of their own key, which may not decide on it.
  for (let i = 1; i <= 20; i += 1) {
    const [from, to] = [i, i + 0.5].map((days) => new Date(Date.now() + (days + 30) * day).toISOString())
    known.add('requested', (await make('/v1/windows', { ...scope, from, to })).id)
    const hook = { url: 'http://127.0.0.1:9/', events: ['audit.completed'] }
    known.add('pinged', (await make('/v1/webhooks', hook)).id)
  }
  for (const time of [now, tomorrow, 'baseline:base']) known.add('times', time)
  for (const list of ['policies', 'vantages', 'findings'])
    learn(known, `/v1/${list}`, (await service.call('GET', `/v1/${list}`)).body)
  for (const { id } of ports.rules) known.add('rules', id)
  known.add('versions', 1)
  for (let leased = 0; leased < 5; leased += 1) {
    const { body } = await service.call('POST', '/v1/vantages/branch/leases', { body: { waitSeconds: 10 } })
    learn(known, '/v1/vantages/{name}/leases', body)
  }
}
