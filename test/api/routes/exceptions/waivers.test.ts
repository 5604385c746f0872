import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listenSilently } from '../../../support/app.ts'
import type { Listening } from '../../../support/listen.ts'
import { startService, type TestService } from '../../../support/service.ts'

let service: TestService
let listener: Listening
let other: string
beforeAll(async () => {
  ;[service, listener] = await Promise.all([startService(), listenSilently()])
  other = await service.stores.keys.create('other', ['admin'])
})
afterAll(() => Promise.all([service.stop(), listener.close()]))

const hourMs = 3_600_000
const inHours = (hours: number) => new Date(Date.now() + hours * hourMs).toISOString()
let made = 0

/** A target of its own that violates `must-be-unreachable`. */
async function makeTarget(labels: Record<string, string> = {}): Promise<string> {
  const name = `exposed-${++made}`
  await service.stores.targets.save([{ name, address: '127.0.0.1', labels }])
  return name
}
const waiver = (targets: unknown, more: object = {}) => {
  const fields = { policy: 'ports', rules: ['must-be-unreachable'], reason: 'the move', expiresAt: inHours(1) }
  return { ...fields, targets, ...more }
}
async function request(targets: unknown, more: object = {}) {
  const response = await service.call('POST', '/v1/waivers', { body: waiver(targets, more) })
  if (response.status !== 201) throw new Error(JSON.stringify(response.body))
  return response.body
}
const approve = (id: string, key = other) => service.call('POST', `/v1/waivers/${id}/approve`, { key })
const revoke = (id: string) => service.call('POST', `/v1/waivers/${id}/revoke`)

/** Audits a target; returns the audit and its finding of the rule that it violates. */
async function audit(name: string) {
  const params = { openPort: listener.port, closedPort: listener.port }
  const auditId = await service.accept({ targets: [name], params })
  const ended = await service.ended(auditId)
  const findings = await service.call('GET', `/v1/audits/${auditId}/findings?rule=must-be-unreachable`)
  return { verdict: ended.verdict, counts: ended.counts, finding: findings.body.items[0] }
}

describe('a waived finding', () => {
  test('stays a failure, is shown as waived, and leaves the verdict', async () => {
    const target = await makeTarget()
    expect(await audit(target)).toMatchObject({ verdict: 'fail', finding: { result: 'fail', waiver: null } })
    const { id, expiresAt, state } = await request([target])
    expect(state).toBe('requested')
    expect(await audit(target)).toMatchObject({ verdict: 'fail', counts: { fail: 1, waived: 0 } })
    expect((await approve(id)).body).toMatchObject({ state: 'active', approvedBy: other.split('_')[1] })
    expect(await audit(target)).toMatchObject({
      verdict: 'pass',
      counts: { pass: 1, fail: 1, waived: 1 },
      finding: { result: 'fail', reason: { code: 'unexpected-state' }, waiver: { id, expiresAt }, window: null },
    })
  })

  test('counts again by itself when its waiver has expired', async () => {
    const target = await makeTarget()
    const { id } = await request([target])
    await approve(id)
    expect(await audit(target)).toMatchObject({ verdict: 'pass', counts: { waived: 1 } })
    await service.query(`UPDATE waiver SET expires_at = now() WHERE id = '${id}'`)
    expect(await audit(target)).toMatchObject({
      verdict: 'fail',
      counts: { fail: 1, waived: 0 },
      finding: { waiver: null },
    })
    expect((await service.call('GET', `/v1/waivers/${id}`)).body.state).toBe('expired')
  })

  test('counts again when its waiver is revoked', async () => {
    const target = await makeTarget()
    const { id } = await request([target])
    await approve(id)
    expect((await revoke(id)).body).toMatchObject({ state: 'revoked' })
    expect(await audit(target)).toMatchObject({ verdict: 'fail', finding: { waiver: null } })
    expect((await revoke(id)).status).toBe(409)
    expect((await approve(id)).status).toBe(409)
  })

  test('can be waived by labels, also of a target that comes later; others are not', async () => {
    const labels = { moving: String(made) }
    await makeTarget(labels)
    const { id } = await request({ labels })
    await approve(id)
    expect(await audit(await makeTarget(labels))).toMatchObject({ verdict: 'pass' })
    expect(await audit(await makeTarget())).toMatchObject({ verdict: 'fail' })
  })

  test('is counted as waived in the compliance report while the waiver lasts', async () => {
    const target = await makeTarget()
    await audit(target)
    const { id } = await request([target])
    const report = async (more = '') => {
      const { body } = await service.call('GET', `/v1/reports/compliance?policy=ports&target=${target}${more}`)
      const item = body.items.find(({ group }: { group: string }) => group === 'must-be-unreachable')
      return [item.counts.fail, item.waived]
    }
    const before = new Date()
    expect(await report()).toEqual([1, 0])
    await approve(id)
    const during = new Date()
    expect(await report()).toEqual([1, 1])
    await revoke(id)
    expect(await report()).toEqual([1, 0])
    // A report as of a point in time applies the waivers of that time.
    expect(await report(`&at=${before.toISOString()}`)).toEqual([1, 0])
    expect(await report(`&at=${during.toISOString()}`)).toEqual([1, 1])
  })
})

describe('a waiver', () => {
  test('is not approved by the key that requested it', async () => {
    const { id } = await request([await makeTarget()])
    const response = await approve(id, service.key)
    expect(response).toMatchObject({
      status: 403,
      body: { title: 'Forbidden', detail: expect.stringContaining('another key') },
    })
    expect((await service.call('GET', `/v1/waivers/${id}`)).body.state).toBe('requested')
  })

  test('is made once for an Idempotency-Key, and found in the listing by its state', async () => {
    const body = waiver([await makeTarget()])
    const headers = { 'idempotency-key': 'a-waiver' }
    const first = await service.call('POST', '/v1/waivers', { body, headers })
    expect((await service.call('POST', '/v1/waivers', { body, headers })).body).toEqual(first.body)
    const listed = (await service.walk('/v1/waivers?policy=ports&state=requested&limit=2')).flat()
    expect(listed.filter(({ id }) => id === first.body.id)).toEqual([first.body])
    expect(listed.every(({ state }) => state === 'requested')).toBe(true)
  })

  test('is found by its rule and by a target that it selects', async () => {
    const labels = { seeking: String(made) }
    const target = await makeTarget(labels)
    const byName = await request([target])
    const byLabels = await request({ labels }, { rules: ['must-be-open'] })
    const found = async (query: string) =>
      (await service.walk(`/v1/waivers?target=${target}&limit=1${query}`)).flat().map(({ id }) => id)
    expect(await found('')).toEqual([byLabels.id, byName.id])
    expect(await found('&rule=must-be-unreachable')).toEqual([byName.id])
    expect(await found('&rule=must-be-open&state=active')).toEqual([])
  })

  test.each([
    ['an unknown policy', { policy: 'none' }, '/policy'],
    ['an unknown rule', { rules: ['must-be-unreachable', 'none'] }, '/rules/1'],
    ['an unknown target', { targets: ['none'] }, '/targets/0'],
    ['labels of no target', { targets: { labels: { none: 'none' } } }, '/targets/labels'],
    ['an end in the past', { expiresAt: inHours(-1) }, '/expiresAt'],
    ['an end beyond a year', { expiresAt: inHours(24 * 367) }, '/expiresAt'],
  ])('is refused with %s', async (_, wrong, pointer) => {
    const body = waiver([await makeTarget()], wrong)
    const response = await service.call('POST', '/v1/waivers', { body })
    expect(response.status).toBe(422)
    expect(response.body.errors).toEqual([{ in: 'body', pointer, detail: expect.any(String) }])
  })

  test.each([
    ['no end', { expiresAt: undefined }, '/expiresAt'],
    ['no reason', { reason: '' }, '/reason'],
    ['no rule', { rules: [] }, '/rules'],
  ])('is refused as malformed with %s', async (_, wrong, pointer) => {
    const response = await service.call('POST', '/v1/waivers', { body: waiver(['x'], wrong) })
    expect(response).toMatchObject({ status: 400, body: { errors: [{ pointer }] } })
  })

  test('that is not there is not found', async () => {
    const id = '019b7600-0000-7000-8000-000000000000'
    expect((await approve(id)).status).toBe(404)
    expect((await revoke(id)).status).toBe(404)
  })
})
