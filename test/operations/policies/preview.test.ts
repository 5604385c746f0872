import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PolicyDocument, PolicyRule } from '../../../src/domain/policy/policy.ts'
import { approveWindow, cancelWindow } from '../../../src/operations/exceptions/decide-window.ts'
import { requestWindow } from '../../../src/operations/exceptions/request-window.ts'
import { previewPolicy } from '../../../src/operations/policies/preview.ts'
import { listenSilently, ports, startTestApp, type TestApp } from '../../support/app.ts'
import { peerAuthority } from '../../support/certificates.ts'
import { type Listening, listen } from '../../support/listen.ts'
import { startHttps } from '../../support/peers/https.ts'
import { tlsCertificate } from '../../support/peers/tls.ts'
import { freePort } from '../../support/ports.ts'

let app: TestApp
let listener: Listening
let accepted = 0
let closedPort: number

beforeAll(async () => {
  app = await startTestApp()
  await app.work()
  const server = createServer((socket) => {
    accepted += 1
    socket.on('error', () => {})
  })
  listener = await listen(server)
  closedPort = await freePort()
})
afterAll(async () => {
  await listener.close()
  await app.stop()
})

const now = new Date()
/** A target that was audited, so that facts are known of it. */
async function audited(name: string, openPort = listener.port): Promise<void> {
  const params = { openPort, closedPort }
  await app.ended(await app.accept({ targets: [{ name, address: '127.0.0.1', params }] }))
}
async function preview(name: string, document: PolicyDocument) {
  const { counts, items } = await previewPolicy(app.stores, { document, targets: [name], now, limit: 1_000 })
  const changes = items.map(({ rule, vantage, before, after }) => [rule, vantage, before, after?.result ?? null])
  return { counts, items, changes }
}
const changed = (id: string, change: Partial<PolicyRule>): PolicyDocument => ({
  ...ports,
  rules: ports.rules.map((rule) => (rule.id === id ? { ...rule, ...change } : rule)),
})

describe('the preview of a draft', () => {
  test('says nothing where the draft says the same, and counts what it judged', async () => {
    await audited('same')
    const { counts, items } = await preview('same', ports)
    expect(items).toEqual([])
    expect(counts).toEqual({ pass: 2, fail: 0, unknown: 0, error: 0, notchecked: 1, notapplicable: 1 })
  })

  test('judges what was seen inside a window as it was judged then', async () => {
    const windowed = {
      ...changed('must-be-unreachable', { insideWindow: { expect: { state: ['open'] } } }),
      name: 'windowed',
    }
    await app.stores.policies.put(windowed)
    const params = { openPort: listener.port, closedPort: listener.port }
    await app.stores.targets.save([{ name: 'inside', address: '127.0.0.1', params }])
    const at = new Date()
    const window = { policy: windowed.name, rules: ['must-be-unreachable'], targets: ['inside'], params: {} }
    const times = { from: at, to: new Date(at.getTime() + 3_600_000) }
    const more = { ticket: 'CHG1', reason: 'a test' }
    const id = await requestWindow(app, { ...window, ...times, ...more }, { actor: 'one', now: at })
    await approveWindow(app, { id, actor: 'another', now: at })
    await app.ended(await app.accept({ policy: windowed.name, targets: ['inside'] }))
    await cancelWindow(app, { id, actor: 'another', now: new Date() })
    expect(await preview('inside', windowed)).toMatchObject({ items: [], counts: { pass: 2 } })
    expect((await preview('inside', ports)).counts).toMatchObject({ pass: 1, fail: 1 })
  })

  test('says what would change, before and after, and sends no packet for it', async () => {
    await audited('judged')
    const seen = accepted
    expect(seen).toBeGreaterThan(0)
    const draft = changed('must-be-open', { expect: { state: ['closed'] } })
    const { counts, items } = await preview('judged', draft)
    expect(items).toEqual([
      {
        target: 'judged',
        rule: 'must-be-open',
        vantage: 'local',
        before: 'pass',
        after: { result: 'fail', state: 'open', reason: 'unexpected-state' },
      },
    ])
    expect(counts).toMatchObject({ pass: 1, fail: 1 })
    expect(accepted).toBe(seen)
  })

  test('counts every change, most first, and lists no more than the limit', async () => {
    await audited('counted')
    const open = { state: ['open' as const] }
    const document = {
      ...changed('must-be-open', { expect: { state: ['closed'] } }),
      rules: [...changed('must-be-open', { expect: { state: ['closed'] } }).rules],
    }
    const first = ports.rules[0] as PolicyRule
    document.rules.push({ ...first, id: 'a', expect: open }, { ...first, id: 'b', expect: open })
    const { changes, items } = await previewPolicy(app.stores, { document, targets: ['counted'], now, limit: 1 })
    expect(changes).toEqual([
      { before: null, after: 'pass', count: 2 },
      { before: 'pass', after: 'fail', count: 1 },
    ])
    expect(items).toHaveLength(1)
  })

  test('writes nothing: neither findings, nor spans, nor versions of the policy', async () => {
    await audited('written')
    const count = () =>
      app.query(`SELECT (SELECT count(*) FROM finding), (SELECT count(*) FROM span), (SELECT count(*) FROM policy),
        (SELECT count(*) FROM audit) AS audits, (SELECT count(*) FROM series) AS series`)
    const before = await count()
    await preview('written', changed('must-be-open', { id: 'another-rule', expect: { state: ['closed'] } }))
    expect(await count()).toEqual(before)
  })

  test('judges a new rule by facts that another rule brought, and names a rule that would be gone', async () => {
    await audited('renamed')
    const { changes } = await preview('renamed', changed('must-be-open', { id: 'renamed-rule' }))
    expect(changes).toEqual([
      ['renamed-rule', 'local', null, 'pass'],
      ['must-be-open', 'local', 'pass', null],
    ])
  })

  test('is unknown where no probe ran yet: another port, another probe, another vantage', async () => {
    await audited('unseen')
    const facts = { result: 'unknown', state: 'unknown', reason: 'facts-missing' }
    for (const change of [{ port: 9 }, { probe: 'ssh', expect: { ssh: { speaks: true } } }] as const) {
      const { items } = await preview('unseen', changed('must-be-open', change))
      expect(items).toMatchObject([{ rule: 'must-be-open', before: 'pass', after: facts }])
    }
    const elsewhere = await preview('unseen', changed('must-be-open', { from: ['client', 'elsewhere'] }))
    expect(elsewhere.changes).toEqual([['must-be-open', 'zone:elsewhere', null, 'notchecked']])
  })

  test('is unknown where the rule was seen with other authorities: they decide what is trusted', async () => {
    await using peer = await startHttps({ certificate: await tlsCertificate('good') })
    const trusting = (trustedCa?: string): PolicyDocument => {
      const expectation = { tls: { trusted: true, ...(trustedCa !== undefined && { trustedCa }) } }
      const rule = { ...ports.rules[0], id: 'trusted', probe: 'tls', port: peer.port, expect: expectation } as const
      return { name: 'trusting', title: 'Trusting', rules: [rule as PolicyRule] }
    }
    const { ca } = await peerAuthority()
    await app.stores.policies.put(trusting(ca))
    const audit = { policy: 'trusting', targets: [{ name: 'certified', address: '127.0.0.1' }] }
    await app.ended(await app.accept(audit))
    expect(await preview('certified', trusting(ca))).toMatchObject({ items: [], counts: { pass: 1 } })
    expect((await preview('certified', trusting())).changes).toEqual([['trusted', 'local', 'pass', 'unknown']])
    const open = { ...trusting(), rules: trusting().rules.map((rule) => ({ ...rule, expect: { state: ['open'] } })) }
    expect(await preview('certified', open)).toMatchObject({ items: [], counts: { pass: 1 } })
  })

  test('is all unknown for a target that was never audited, and silent about rules that do not apply to it', async () => {
    await app.stores.targets.save([
      { name: 'fresh', address: '127.0.0.1', params: { openPort: listener.port, closedPort } },
    ])
    const { changes, counts } = await preview('fresh', ports)
    expect(changes).toEqual([
      ['must-be-open', 'local', null, 'unknown'],
      ['must-be-unreachable', 'local', null, 'unknown'],
      ['from-elsewhere', 'zone:elsewhere', null, 'notchecked'],
    ])
    expect(counts).toMatchObject({ unknown: 2, notchecked: 1, notapplicable: 1 })
  })

  test('takes the newer of two facts of one endpoint, unless they are of the rule itself', async () => {
    const closing = await listenSilently()
    await audited('conflict', closing.port)
    await app.query(`UPDATE span SET from_at = from_at - interval '1 hour' FROM target t
      WHERE t.id = target_id AND t.name = 'conflict'`)
    await closing.close()
    // By another policy, the port is closed now; `ports` has not probed again.
    await app.stores.policies.put({ ...ports, name: 'other-ports' })
    await app.ended(await app.accept({ policy: 'other-ports', targets: ['conflict'] }))
    expect((await preview('conflict', ports)).changes).toEqual([])
    expect((await preview('conflict', { ...ports, name: 'third' })).items[0]).toMatchObject({
      rule: 'must-be-open',
      before: null,
      after: { result: 'fail', state: 'closed' },
    })
  })
})
