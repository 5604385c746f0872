import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listenSilently } from '../support/app.ts'
import { type Service, startServiceProcess } from '../support/commands.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { query } from '../support/database-server.ts'
import type { Listening } from '../support/listen.ts'
import { freePort } from '../support/ports.ts'
import { type Receiver, startReceiver, verify } from '../support/receiver.ts'

// biome-ignore lint/suspicious/noExplicitAny: tests read bodies as their receivers do, without types
type Body = any

let database: TestDatabase
let service: Service
let receiver: Receiver
let secret: string
let otherKey: string
let isDescribed: (event: Body) => void
beforeAll(async () => {
  database = await createTestDatabase()
  receiver = await startReceiver()
  service = await startServiceProcess(database.url)
  isDescribed = describedBy(await ask('GET', '/openapi.json'))
  await ask('PUT', '/v1/policies/exposures', exposures)
  otherKey = (await ask('POST', '/v1/keys', { name: 'other', scopes: ['admin'] })).key
  const events = ['drift.detected', 'finding.opened', 'finding.still-open', 'finding.resolved', 'audit.completed']
  const operations = [
    'window.still-open',
    'window.closed',
    'vantage.absent',
    'schedule.missed',
    'schedule.resumed',
    'digest.daily',
  ]
  secret = (await ask('POST', '/v1/webhooks', { url: receiver.url, events: [...events, ...operations] })).secret
  // Published by the next check for absent ones, some seconds later.
  await ask('PUT', '/v1/vantages/branch', { zones: ['untrusted'] })
  await query(database.url, [`UPDATE vantage SET last_seen_at = now() - interval '1 hour' WHERE name = 'branch'`])
})
afterAll(async () => {
  await service?.stop()
  await receiver?.close()
  await database?.drop()
})

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: these are the placeholders of policies
const exposure = {
  ...{ severity: 'high', direction: 'inbound', from: ['client'], probe: 'tcp', port: '${exposure}' },
  expect: { state: ['closed', 'filtered'] },
}
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: these are the placeholders of policies
const exposures = {
  ...{ name: 'exposures', title: 'Exposures', parameters: { exposure: { type: 'port', required: true } } },
  rules: [
    { id: 'support', title: 'Support', ...exposure, insideWindow: { expect: { state: ['open'] } } },
    { id: 'closed', title: 'Closed', ...exposure },
  ],
}

async function ask(method: string, path: string, body?: object, key = service.key): Promise<Body> {
  const response = await service.call(path, {
    method,
    headers: { authorization: `Bearer ${key}`, prefer: 'wait=15', ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: status ${response.status}: ${text}`)
  return JSON.parse(text)
}
const approve = (what: string, id: string) => ask('POST', `/v1/${what}/${id}/approve`, undefined, otherKey)
const inMs = (ms: number) => new Date(Date.now() + ms).toISOString()

/** Throws where an event is not as the document says, or says more. */
function describedBy(document: Body): (event: Body) => void {
  const close = (node: Body): Body => {
    if (Array.isArray(node)) return node.map(close)
    if (typeof node !== 'object' || node === null) return node
    const members = Object.fromEntries(Object.entries(node).map(([name, member]) => [name, close(member)]))
    return node.type === 'object' && node.properties ? { ...members, additionalProperties: false } : members
  }
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  ajv.addSchema({ ...document, webhooks: close(document.webhooks) }, 'openapi')
  return (event) => {
    const validate = ajv.getSchema(`openapi#/webhooks/${event.type}/post/requestBody/content/application~1json/schema`)
    if (!validate?.(event)) throw new Error(`${event.type}: ${ajv.errorsText(validate?.errors)}`)
  }
}

/** The data of the first event of this type that fits, now or when it comes; its signature is right. */
async function published(type: string, fits: (data: Body) => boolean): Promise<Body> {
  for (let seen = 0; ; ) {
    for (const { body } of receiver.received.slice(seen)) isDescribed(body)
    const found = receiver.received.slice(seen).find(({ body }) => body.type === type && fits(body.data))
    if (found) return verify(secret, found).data
    seen = receiver.received.length
    await receiver.came(seen + 1)
  }
}

/** A target whose port is open. */
async function makeTarget(name: string): Promise<Listening> {
  const listening = await listenSilently()
  await ask('PUT', `/v1/targets/${name}`, { address: '127.0.0.1', params: { exposure: listening.port } })
  return listening
}
const audit = (target: string) => ask('POST', '/v1/audits', { policy: 'exposures', targets: [target] })

/** Starts the waiting reprobe of a window now. */
const probeNow = (id: string) =>
  expect
    .poll(() =>
      query(database.url, [
        `UPDATE pgboss.job SET start_after = now() WHERE name = 'window-end' AND data->>'windowId' = '${id}' AND state = 'created' RETURNING 1`,
      ]),
    )
    .toHaveLength(1)

test('the state of a port after the end of its window is published: still open, and closed', async () => {
  const listening = await makeTarget('windowed')
  const window = { policy: 'exposures', rules: ['support'], targets: ['windowed'], ticket: 'CHG1', reason: 'an update' }
  const { id } = await ask('POST', '/v1/windows', { ...window, from: inMs(0), to: inMs(3_600_000) })
  await approve('windows', id)
  expect(await audit('windowed')).toMatchObject({ counts: { pass: 1, fail: 1 } })
  await query(database.url, [`UPDATE access_window SET to_at = now() WHERE id = '${id}'`])
  await probeNow(id)
  const isIt = (data: Body) => data.window.id === id
  expect(await published('window.still-open', isIt)).toMatchObject({ window: { ticket: 'CHG1', rules: ['support'] } })
  await listening.close()
  await probeNow(id) // else a minute later
  expect(await published('window.closed', isIt)).toMatchObject({ window: { ticket: 'CHG1' } })
})

test('a finding whose waiver has expired opens again, under the fingerprint that it had', async () => {
  const listening = await makeTarget('waived')
  const isIt = ({ finding }: Body) => finding.target === 'waived' && finding.rule === 'closed'
  await audit('waived')
  const { finding } = await published('finding.opened', isIt)
  const waiver = {
    policy: 'exposures',
    rules: ['closed'],
    targets: ['waived'],
    reason: 'the move',
    expiresAt: inMs(3_600_000),
  }
  const { id } = await ask('POST', '/v1/waivers', waiver)
  await approve('waivers', id)
  await audit('waived')
  expect(await published('finding.resolved', isIt)).toMatchObject({ resolution: 'waived', finding: { waiver: id } })
  await query(database.url, [`UPDATE waiver SET expires_at = now() WHERE id = '${id}'`])
  const { id: last } = await audit('waived')
  const again = await published('finding.opened', (data) => isIt(data) && data.audit === last)
  expect(again.finding).toMatchObject({ fingerprint: finding.fingerprint, waiver: null })
  const types = receiver.received
    .filter(({ body: { data } }) => data.finding && isIt(data))
    .map(({ body }) => body.type)
  expect(types).toEqual(['finding.opened', 'finding.resolved', 'finding.opened'])
  await listening.close()
})

test('ticks without an audit are published, and the next one with an audit', async () => {
  await ask('PUT', '/v1/targets/nightly', { address: '127.0.0.1', params: { exposure: await freePort() } })
  const schedule = { name: 'nightly', cron: '0 2 * * *', timeZone: 'UTC', missed: 'once', overlap: 'skip' }
  await ask('POST', '/v1/schedules', { ...schedule, audit: { policy: 'exposures', targets: ['nightly'] } })
  await query(database.url, [
    `UPDATE schedule SET next_at = date_trunc('day', now()) - interval '3 days' + interval '2 hours'`,
    `INSERT INTO pgboss.job (name) VALUES ('schedule-ticks')`, // else within a minute
  ])
  const missed = await published('schedule.missed', () => true)
  expect(missed).toMatchObject({ schedule: 'nightly', policy: 'exposures', count: missed.ticks.length })
  expect(missed.count).toBeGreaterThanOrEqual(2)
  expect(await published('schedule.resumed', () => true)).toMatchObject({ schedule: 'nightly', policy: 'exposures' })
})

test('a ping is as the document says, too', async () => {
  const [webhook] = (await ask('GET', '/v1/webhooks')).items.filter(({ url }: Body) => url === receiver.url)
  await ask('POST', `/v1/webhooks/${webhook.id}/ping`)
  expect(await published('ping', () => true)).toEqual({ webhook: webhook.id })
})

test('a digest is published once a day, also if nothing changed', async () => {
  await query(database.url, [
    `INSERT INTO digest VALUES (now() - interval '25 hours', now() - interval '49 hours') ON CONFLICT DO NOTHING`,
    `DELETE FROM digest WHERE to_at > now() - interval '25 hours'`,
    `INSERT INTO pgboss.job (name) VALUES ('schedule-ticks')`, // else within a minute
  ])
  const digest = await published('digest.daily', () => true)
  expect(digest).toMatchObject({ checks: { waived: 0 }, url: null })
  expect(digest.summary).toMatch(/ since .* Of [0-9,]+ checks?, /)
})

test('an absent vantage is published', async () => {
  expect(await published('vantage.absent', () => true)).toMatchObject({
    vantage: { name: 'branch', zones: ['untrusted'] },
  })
})
