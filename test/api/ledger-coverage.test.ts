import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { LedgerAction } from '../../src/domain/ledger.ts'
import { openBrowser } from '../support/browser.ts'
import { type ApiResponse, type Call, startService, type TestService } from '../support/service.ts'

interface Document {
  paths: Record<string, Record<string, { operationId: string }>>
}
const { paths } = JSON.parse(readFileSync(new URL('../../openapi/openapi.json', import.meta.url), 'utf8')) as Document
const operations = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).flatMap(([method, { operationId }]) =>
    method === 'get' ? [] : [{ operationId, method: method.toUpperCase() as 'POST', path }],
  ),
)

/** Why an operation that is no GET leaves no entry. */
const exempt: Record<string, string> = {
  validatePolicy: 'stores nothing',
  previewPolicy: 'stores nothing',
  previewFlows: 'stores nothing',
  previewSchedule: 'stores nothing',
  previewWindow: 'stores nothing',
  previewWaiver: 'stores nothing',
  leaseBatch: 'lends work; what comes of it is in the entry of its audit',
  renewLease: 'prolongs a lease',
  claimBind: 'lends the right to bind; its row says who bound when',
  settleBind: 'a measurement, which the row of the bind and the finding hold',
  createTrace: 'measures and changes nothing; its row names who requested it',
  proposePolicy: 'probes and stores no policy; its row names who requested it',
  leaseDiscovery: 'lends work; what comes of it is in the row of its proposal',
  deliverDiscovery: 'a measurement, which its row holds',
  leaseTrace: 'lends work; what comes of it is in the row of its trace',
  deliverTrace: 'a measurement, which its row holds',
  pingWebhook: 'changes nothing; what was sent is in the log of deliveries',
  redeliver: 'changes nothing; what was sent is in the log of deliveries',
  deliverObservations: 'what was seen is in the findings, whose digest is in the entry of their audit',
}

let service: TestService
let other: string
beforeAll(async () => {
  service = await startService()
  other = await service.stores.keys.create('other', ['admin'])
})
afterAll(() => service.stop())

let made = 0
const name = (what: string) => `${what}-${++made}`
const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString()
const params = { openPort: 1, closedPort: 1 }

async function make(url: string, body: object): Promise<ApiResponse['body']> {
  const response = await service.call('POST', url, { body })
  if (response.status > 299) throw new Error(`${url}: ${JSON.stringify(response.body)}`)
  return response.body
}
const makeTarget = () => make('/v1/targets', { name: name('target'), address: '127.0.0.1' })

/** An audit that has ended, of a target of its own. */
async function makeAudit() {
  const target = await makeTarget()
  const id = await service.accept({ targets: [target.name], params, vantages: ['local'] })
  await service.ended(id)
  return { id, target: target.name as string }
}
const makeBaseline = async () => {
  const { id, target } = await makeAudit()
  return { target, ...(await make('/v1/baselines', { name: name('baseline'), audit: id, reason: 'reviewed' })) }
}
const waiver = async () => ({
  ...{ policy: 'ports', rules: ['must-be-open'], targets: [(await makeTarget()).name] },
  ...{ reason: 'the move', expiresAt: inHours(1) },
})
async function window() {
  const policy = name('exposure')
  const rule = {
    id: 'ssh',
    title: 'SSH',
    severity: 'high',
    direction: 'inbound',
    from: ['client'],
    probe: 'tcp',
    port: 1,
  }
  const rules = [{ ...rule, expect: { state: ['closed'] }, insideWindow: { expect: { state: ['open'] } } }]
  await service.call('PUT', `/v1/policies/${policy}`, { body: { name: policy, title: 'Exposure', rules } })
  const targets = [(await makeTarget()).name]
  return { policy, rules: ['ssh'], targets, from: inHours(1), to: inHours(2), ticket: 'CHG1', reason: 'support' }
}
const schedule = () => ({
  cron: '0 2 * * *',
  audit: { policy: 'ports', targets: { labels: { site: 'hq' } }, params },
})
const makeSchedule = async () => {
  const target = { name: name('target'), address: '127.0.0.1', labels: { site: 'hq' } }
  await make('/v1/targets', target)
  return make('/v1/schedules', { name: name('schedule'), ...schedule() })
}
const webhook = () => ({ url: 'http://127.0.0.1:9/', events: ['schedule.missed'] })
const makeWebhook = () => make('/v1/webhooks', webhook())
/** An audit that no worker carries out. */
async function makeWaitingAudit() {
  const vantage = name('absent')
  await service.call('PUT', `/v1/vantages/${vantage}`, { body: { zones: ['client'] } })
  return make('/v1/audits', { policy: 'ports', targets: [(await makeTarget()).name], params, vantages: [vantage] })
}

/** What each operation is called with, once what it needs is there, and what it must leave. */
interface Case {
  leaves: LedgerAction[]
  prepare(): Promise<{ at?: string } & Call>
}
const at = (value: { name?: string; id?: string }) => ({ at: value.id ?? value.name })
const cases: Record<string, Case> = {
  createAudit: {
    leaves: ['targets.save', 'audit.finish'],
    prepare: async () => ({
      body: { policy: 'ports', targets: [{ name: name('target'), address: '127.0.0.1' }], params, vantages: ['local'] },
      headers: { prefer: 'wait=15' },
    }),
  },
  cancelAudit: { leaves: ['audit.cancel', 'audit.finish'], prepare: async () => at(await makeWaitingAudit()) },
  importTargets: {
    leaves: ['targets.save'],
    prepare: async () => ({
      body: `name,address\n${name('target')},127.0.0.1\n${name('target')},127.0.0.1\n`,
      headers: { 'content-type': 'text/csv' },
    }),
  },
  createTarget: {
    leaves: ['target.create'],
    prepare: async () => ({ body: { name: name('target'), address: '127.0.0.1' } }),
  },
  replaceTarget: {
    leaves: ['target.change'],
    prepare: async () => ({ ...at(await makeTarget()), body: { address: '127.0.0.2' } }),
  },
  updateTarget: {
    leaves: ['target.change'],
    prepare: async () => ({ ...at(await makeTarget()), body: { address: '127.0.0.2' } }),
  },
  retireTarget: { leaves: ['target.retire'], prepare: async () => at(await makeTarget()) },
  putPolicy: {
    leaves: ['policy.put'],
    prepare: async () => {
      const policy = await service.stores.policies.find('ports')
      const named = name('policy')
      return { at: named, body: { ...policy?.document, name: named } }
    },
  },
  createBaseline: {
    leaves: ['baseline.create'],
    prepare: async () => ({ body: { name: name('baseline'), audit: (await makeAudit()).id, reason: 'reviewed' } }),
  },
  approveBaselineItems: {
    leaves: ['baseline.approve'],
    prepare: async () => {
      const { target, ...baseline } = await makeBaseline()
      const items = [{ target, policy: 'ports', rule: 'must-be-open', vantage: 'local' }]
      return { ...at(baseline), body: { reason: 'reviewed', items } }
    },
  },
  deleteBaseline: { leaves: ['baseline.delete'], prepare: async () => at(await makeBaseline()) },
  createKey: { leaves: ['key.create'], prepare: async () => ({ body: { name: 'one', scopes: ['reports:read'] } }) },
  revokeKey: {
    leaves: ['key.revoke', 'schedule.change'],
    prepare: async () => {
      const made = await make('/v1/keys', { name: 'one', scopes: ['audits:run'] })
      await makeSchedule()
      const planned = { key: made.key, body: { name: name('schedule'), ...schedule() } }
      expect((await service.call('POST', '/v1/schedules', planned)).body).toMatchObject({ enabled: true })
      return at(made)
    },
  },
  endSession: {
    leaves: ['session.end'],
    prepare: async () => {
      const browser = openBrowser(service.server)
      await browser.signIn(await service.stores.keys.create('person', ['reports:read']))
      return at((await browser.call('GET', '/v1/me')).body.session)
    },
  },
  putVantage: { leaves: ['vantage.put'], prepare: async () => ({ at: name('branch'), body: { zones: ['client'] } }) },
  removeVantage: {
    leaves: ['vantage.remove'],
    prepare: async () => {
      const vantage = name('branch')
      await service.call('PUT', `/v1/vantages/${vantage}`, { body: { zones: ['client'] } })
      return { at: vantage }
    },
  },
  createSchedule: {
    leaves: ['schedule.create'],
    prepare: async () => {
      await makeSchedule()
      return { body: { name: name('schedule'), ...schedule() } }
    },
  },
  replaceSchedule: {
    leaves: ['schedule.change'],
    prepare: async () => ({ ...at(await makeSchedule()), body: { ...schedule(), cron: '0 3 * * *' } }),
  },
  updateSchedule: {
    leaves: ['schedule.change'],
    prepare: async () => ({ ...at(await makeSchedule()), body: { enabled: false } }),
  },
  deleteSchedule: { leaves: ['schedule.delete'], prepare: async () => at(await makeSchedule()) },
  createWebhook: { leaves: ['webhook.create'], prepare: async () => ({ body: webhook() }) },
  updateWebhook: {
    leaves: ['webhook.change'],
    prepare: async () => ({ ...at(await makeWebhook()), body: { enabled: false } }),
  },
  rotateWebhookSecret: { leaves: ['webhook.rotate'], prepare: async () => ({ ...at(await makeWebhook()), body: {} }) },
  deleteWebhook: { leaves: ['webhook.delete'], prepare: async () => at(await makeWebhook()) },
  createWaiver: { leaves: ['waiver.request'], prepare: async () => ({ body: await waiver() }) },
  approveWaiver: {
    leaves: ['waiver.approve'],
    prepare: async () => ({ ...at(await make('/v1/waivers', await waiver())), key: other }),
  },
  rejectWaiver: {
    leaves: ['waiver.reject'],
    prepare: async () => ({
      ...at(await make('/v1/waivers', await waiver())),
      key: other,
      body: { reason: 'too long' },
    }),
  },
  revokeWaiver: {
    leaves: ['waiver.revoke'],
    prepare: async () => ({ ...at(await make('/v1/waivers', await waiver())), body: { reason: 'fixed' } }),
  },
  createWindow: { leaves: ['window.request'], prepare: async () => ({ body: await window() }) },
  approveWindow: {
    leaves: ['window.approve'],
    prepare: async () => ({ ...at(await make('/v1/windows', await window())), key: other }),
  },
  rejectWindow: {
    leaves: ['window.reject'],
    prepare: async () => ({
      ...at(await make('/v1/windows', await window())),
      key: other,
      body: { reason: 'too long' },
    }),
  },
  cancelWindow: { leaves: ['window.cancel'], prepare: async () => at(await make('/v1/windows', await window())) },
}

const entriesAfter = async (seq: number) =>
  (await service.stores.ledger.list({ limit: 100 })).items.filter((entry) => entry.seq > seq)
const lastSeq = async () => (await service.stores.ledger.head())?.seq ?? 0
const idOf = (key: string) => key.split('_')[1]

test.each(operations)('$operationId leaves an entry, or is exempt with a reason', async (operation) => {
  const { operationId, method, path } = operation
  if (exempt[operationId] !== undefined) return expect(cases[operationId]).toBeUndefined()
  const wanted = cases[operationId]
  if (!wanted) throw new Error(`say here what ${operationId} leaves in the ledger, or why it leaves nothing`)
  const { at: subject, ...call } = await wanted.prepare()
  const before = await lastSeq()
  const response = await service.call(method, path.replace(/\{\w+\}/, String(subject)), call)
  expect(response.status, JSON.stringify(response.body)).toBeLessThan(300)
  const left = await entriesAfter(before)
  expect(left.map(({ action }) => action).toReversed()).toEqual(wanted.leaves)
  if (subject !== undefined) expect(left.at(-1)?.subject).toBe(subject)
  expect(left.map(({ actor }) => actor)).toContain(idOf(call.key ?? service.key))
  expect(JSON.stringify(left)).not.toMatch(/pw_[0-9a-f]{12}_|whsec_/) // no secret gets into the ledger
})

test('what is repeated with its Idempotency-Key, and what is refused, leaves nothing', async () => {
  const call = { body: { name: name('target'), address: '127.0.0.1' }, headers: { 'idempotency-key': name('key') } }
  const first = await service.call('POST', '/v1/targets', call)
  const before = await lastSeq()
  expect((await service.call('POST', '/v1/targets', call)).body).toEqual(first.body)
  expect((await service.call('POST', '/v1/targets', { body: call.body })).status).toBe(409)
  const { id } = await make('/v1/waivers', await waiver())
  const after = await lastSeq()
  expect((await service.call('POST', `/v1/waivers/${id}/approve`)).status).toBe(403)
  expect((await service.call('POST', `/v1/waivers/${id}/revoke`)).status).toBe(200)
  expect((await service.call('POST', `/v1/waivers/${id}/revoke`)).status).toBe(409)
  expect((await entriesAfter(before)).filter(({ action }) => action.startsWith('target.'))).toHaveLength(1) // that of the waiver
  expect((await entriesAfter(after)).map(({ action }) => action)).toEqual(['waiver.revoke'])
})

test('no exemption is for an operation that is not there', () => {
  const known = operations.map(({ operationId }) => operationId)
  expect([...Object.keys(exempt), ...Object.keys(cases)].filter((id) => !known.includes(id))).toEqual([])
})
