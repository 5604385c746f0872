import { v7 as newUuid } from 'uuid'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadPermissions } from '../../../src/operations/audits/load-exceptions.ts'
import { approveWindow } from '../../../src/operations/exceptions/decide-window.ts'
import { reprobeTrigger } from '../../../src/operations/exceptions/prove-window.ts'
import { requestWindow } from '../../../src/operations/exceptions/request-window.ts'
import { listenSilently, ports, startTestApp, type TestApp } from '../../support/app.ts'
import type { Listening } from '../../support/listen.ts'

let app: TestApp
let listener: Listening
beforeAll(async () => {
  const env = { PORTWARDEN_VANTAGE: 'office,branch', PORTWARDEN_ZONES: 'office=client;branch=elsewhere' }
  ;[app, listener] = await Promise.all([startTestApp(env), listenSilently()])
  await app.work()
})
afterAll(async () => {
  await app?.stop()
  await listener?.close()
})

const rule = (more: object) => ({
  ...{ title: 'x', severity: 'high' as const, direction: 'inbound' as const, from: ['client'], probe: 'tcp' as const },
  ...{ id: 'closed', port: listener.port, expect: { state: ['closed'] } },
  ...more,
})
async function save(name: string, more: object): Promise<number> {
  await app.stores.policies.put({ ...ports, name, parameters: {}, rules: [rule(more)] })
  await app.stores.targets.save([{ name, address: '127.0.0.1' }])
  const [target] = await app.stores.targets.findByNames([name])
  return target?.id ?? -1
}

describe('the reprobe of a window', () => {
  test('is never inside that window, wherever the clock of its vantage is', async () => {
    const name = 'windowed'
    const targetId = await save(name, { insideWindow: { expect: { state: ['open'] } } })
    const now = new Date()
    const request = { policy: name, rules: ['closed'], targets: [name], params: {}, ticket: 'CHG1', reason: 'a test' }
    const window = { ...request, from: now, to: new Date(now.getTime() + 3_600_000) }
    const id = await requestWindow(app, window, { actor: 'one', now })
    await approveWindow(app, { id, actor: 'another', now })
    const judged = { rule: 'closed', targetId, at: now.getTime() }
    const windowIn = async (trigger: string) =>
      (await loadPermissions(app.stores, { policy: name, trigger, judged: [judged] })).windowOf(judged)
    expect(await windowIn('api')).toBe(id)
    expect(await windowIn(reprobeTrigger(newUuid()))).toBe(id)
    expect(await windowIn(reprobeTrigger(id))).toBeNull()
  })
})

describe('a paired finding that fails', () => {
  test('is waived like any other', async () => {
    const name = 'paired'
    await save(name, { expect: {}, unlike: { from: ['elsewhere'], expect: { state: ['closed'] } } })
    const audit = async () => {
      const auditId = await app.accept({ policy: name, targets: [name] })
      return { verdict: (await app.ended(auditId)).verdict, findings: await app.findings(auditId) }
    }
    expect(await audit()).toMatchObject({ verdict: 'fail', findings: [{ result: 'fail', waiver: null }] })
    const [id, now] = [newUuid(), new Date()]
    const waiver = { id, policy: name, rules: ['closed'], targets: [name], reason: 'a test', requestedBy: 'one' }
    await app.stores.waivers.create({ ...waiver, expiresAt: new Date(now.getTime() + 3_600_000) })
    await app.stores.waivers.approve(id, 'another', now)
    expect(await audit()).toMatchObject({ verdict: 'inconclusive', findings: [{ result: 'fail', waiver: { id } }] })
  })
})
