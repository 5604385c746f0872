import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RefusedError } from '../../../src/domain/errors.ts'
import { acceptAudit, createAcceptance } from '../../../src/operations/audits/accept.ts'
import type { AuditRequest } from '../../../src/operations/audits/resolve-request.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'

/** Nothing works here: what is accepted stays as it is. */
let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
  await app.stores.targets.save([
    { name: 'known', address: '127.0.0.1', labels: { site: 'hq' }, params: { openPort: 1 } },
    { name: 'odd', address: '127.0.0.1', labels: { site: 'branch' }, params: { openPort: 'one' } },
  ])
})
afterAll(() => app.stop())

const params = { openPort: 1, closedPort: 2 }
const accept = (request: Partial<AuditRequest>, idempotencyKey?: string) =>
  acceptAudit(
    app,
    { policy: 'ports', targets: ['known'], params, ...request },
    { trigger: 'test', requestedBy: 'requester', idempotencyKey },
  )
const countAll = () =>
  app.query(`SELECT (SELECT count(*) FROM audit) AS audits, (SELECT count(*) FROM target) AS targets,
    (SELECT count(*) FROM idempotent_request) AS claims, (SELECT count(*) FROM pgboss.job) AS jobs`)

describe('a request that cannot be carried out is refused, with every validation issue and its pointer', () => {
  const cases: [string, Partial<AuditRequest>, string[]][] = [
    ['an unknown policy', { policy: 'nothing' }, ['/policy: there is no policy nothing: GET /v1/policies lists them']],
    ['an unknown version', { policy: 'ports@9' }, ['/policy: there is no policy ports@9: GET /v1/policies lists them']],
    [
      'unknown targets',
      { targets: ['known', 'lost', 'gone'] },
      [
        '/targets/1: there is no target lost: GET /v1/targets lists them',
        '/targets/2: there is no target gone: GET /v1/targets lists them',
      ],
    ],
    ['a target listed twice', { targets: ['known', 'known'] }, ['/targets/1: target known is listed twice']],
    [
      'an address that is none',
      { targets: [{ name: 'new', address: '127.1' }] },
      ['/targets/0/address: must be an IP address or a host name'],
    ],
    ['labels of no target', { targets: { labels: { site: 'moon' } } }, ['/targets/labels: no target has these labels']],
    ['an unknown vantage', { vantages: ['local', 'mars'] }, ['/vantages/1: there is no vantage mars']],
    [
      'parameters of the wrong type, missing ones and unknown ones',
      { params: { openPort: 'x', '~a/b': 22 } },
      [
        '/params/~0a~1b: is no parameter of this policy: it has openPort, httpsPort, closedPort',
        '/params/openPort: must be a port from 1 to 65535',
        '/params/closedPort: is required: give it with the audit, or with the target',
      ],
    ],
    [
      "a target's own parameter of the wrong type",
      { targets: ['known', 'odd'] },
      ['/targets/1: target odd: openPort must be a port from 1 to 65535'],
    ],
    [
      'the same of a target that was selected by its labels',
      { targets: { labels: { site: 'branch' } } },
      ['/targets/labels: target odd: openPort must be a port from 1 to 65535'],
    ],
    [
      'an issue of the audit, reported once for all targets',
      { targets: ['known', { name: 'another', address: '10.0.0.1' }], params: { ...params, closedPort: 'x' } },
      ['/params/closedPort: must be a port from 1 to 65535'],
    ],
    [
      'a value that no rule can use',
      { params: { ...params, openPort: 0 } },
      ['/params/openPort: must be a port from 1 to 65535'],
    ],
    [
      'an issue beside a target that would be new',
      { targets: [{ name: 'new', address: '10.0.0.1' }], params: { openPort: 1 } },
      ['/params/closedPort: is required: give it with the audit, or with the target'],
    ],
  ]
  test.each(cases)('%s', async (_, request, issues) => {
    const before = await countAll()
    const refusal = await accept(request, 'a-key').catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(RefusedError)
    expect((refusal as RefusedError).issues.map(({ pointer, message }) => `${pointer}: ${message}`)).toEqual(issues)
    expect(await countAll()).toEqual(before)
  })
})

describe('a request that can', () => {
  const jobsOf = (auditId: string) =>
    app.query(`SELECT name, state FROM pgboss.job WHERE data->>'auditId' = '${auditId}' ORDER BY name`)

  test('makes the audit, its plan and the jobs of its probes together', async () => {
    const { auditId, created } = await accept({ correlationId: 'CHG1', reason: 'why' })
    expect(created).toBe(true)
    expect(await app.stores.audits.find(auditId)).toMatchObject({
      status: 'running',
      correlationId: 'CHG1',
      reason: 'why',
      progress: { done: 2, total: 4 },
    })
    expect(await jobsOf(auditId)).toEqual([{ name: 'batch/local', state: 'created' }])
  })

  const many = Array.from({ length: 126 }, (_, i) => ({ name: `many-${i}`, address: '127.0.0.1' }))
  test.each<[string, Partial<AuditRequest>]>([
    ['that has more checks than a batch', { targets: many }],
    ['by a label, the same', { targets: { labels: { many: 'yes' } } }],
  ])('%s makes the audit and the job that plans it together', async (_, request) => {
    await app.stores.targets.save(many.map((target) => ({ ...target, labels: { many: 'yes' } })))
    const { auditId } = await accept(request)
    expect(await app.stores.audits.find(auditId)).toMatchObject({ status: 'queued', progress: { total: 0 } })
    expect(await jobsOf(auditId)).toEqual([{ name: 'audit-plan', state: 'created' }])
  })

  test('of which nothing can be probed makes the job that ends it too', async () => {
    const ports = await app.stores.policies.find('ports')
    const rules = ports?.document.rules.filter(({ id }) => id === 'from-elsewhere') ?? []
    await app.stores.policies.put({ name: 'unseen', title: 'unseen', parameters: ports?.document.parameters, rules })
    const { auditId } = await accept({ policy: 'unseen' })
    expect(await app.stores.audits.find(auditId)).toMatchObject({ status: 'running', progress: { done: 1, total: 1 } })
    expect(await jobsOf(auditId)).toEqual([{ name: 'audit-plan', state: 'created' }])
  })

  test('waits for the first worker where no vantage is known', async () => {
    const empty = await startTestApp()
    try {
      await empty.query('DELETE FROM vantage')
      const auditId = await empty.accept({ params })
      expect(await empty.stores.audits.find(auditId)).toMatchObject({ status: 'queued' })
    } finally {
      await empty.stop()
    }
  })

  test('creates and updates the targets that it brings', async () => {
    await accept({ targets: [{ name: 'brought', address: '10.0.0.1', labels: { site: 'hq' } }, 'known'] })
    await accept({ targets: [{ name: 'brought', address: '10.0.0.2' }] })
    expect(await app.stores.targets.find('brought')).toMatchObject({ address: '10.0.0.2', labels: { site: 'hq' } })
  })

  test('takes the targets that have its labels', async () => {
    const { auditId } = await accept({ targets: { labels: { site: 'hq' } } })
    const [order] = await app.query<{ names: string[] }>(
      `SELECT array(SELECT name FROM target WHERE id = ANY(target_ids)) AS names FROM audit WHERE id = '${auditId}'`,
    )
    expect(order?.names).toContain('known')
    expect(order?.names).not.toContain('odd')
  })

  test('keeps to the policy version that it names, and else to the newest', async () => {
    const ports = await app.stores.policies.find('ports')
    if (!ports) throw new Error('no policy')
    await app.stores.policies.put({ ...ports.document, name: 'versioned' })
    await app.stores.policies.put({ ...ports.document, name: 'versioned', title: 'newer' })
    const versions = await Promise.all(
      ['versioned', 'versioned@1', 'versioned@2'].map(async (policy) => {
        const { auditId } = await accept({ policy })
        return (await app.stores.audits.find(auditId))?.policy.version
      }),
    )
    expect(versions).toEqual([2, 1, 2])
  })
})

describe('the same idempotency key', () => {
  test('with the same request returns the same audit, and makes no second one', async () => {
    const first = await accept({ reason: 'same' }, 'same-1')
    const before = await countAll()
    expect(await accept({ reason: 'same' }, 'same-1')).toEqual({ auditId: first.auditId, created: false })
    expect(await countAll()).toEqual(before)
  })

  test('with another request is refused', async () => {
    await accept({ reason: 'one' }, 'other-1')
    await expect(accept({ reason: 'other' }, 'other-1')).rejects.toThrow(
      'this Idempotency-Key was used with another request',
    )
  })

  test('by many concurrent requests makes one audit', async () => {
    const accepted = await Promise.all(Array.from({ length: 10 }, () => accept({ reason: 'many' }, 'many-1')))
    expect(new Set(accepted.map(({ auditId }) => auditId)).size).toBe(1)
    expect(accepted.filter(({ created }) => created)).toHaveLength(1)
  })

  test('can be used again after a refusal, which made nothing', async () => {
    await expect(accept({ targets: ['lost'] }, 'again-1')).rejects.toThrow('there is no target lost')
    expect(await accept({}, 'again-1')).toMatchObject({ created: true })
  })
})

describe('requests that come at the same time', () => {
  /** How many transactions it took, and what became of each. */
  async function acceptConcurrently(requests: (Partial<AuditRequest> & { key?: string; quota?: number })[]) {
    let transactions = 0
    const transaction: typeof app.transaction = (work) => {
      transactions += 1
      return app.transaction(work)
    }
    const ask = createAcceptance({ ...app, transaction })
    const responses = await Promise.allSettled(
      requests.map(({ key, quota, ...request }) =>
        ask({
          request: { policy: 'ports', targets: ['known'], params, ...request },
          order: {
            ...{ trigger: 'test', requestedBy: 'crowd', idempotencyKey: key },
            ...(quota && { quota: { targetsPerAudit: 10, checksInFlight: quota, callbacksWaiting: 10 } }),
          },
        }),
      ),
    )
    return { transactions, responses }
  }
  const idOf = (response?: PromiseSettledResult<{ auditId: string }>) =>
    response?.status === 'fulfilled' ? response.value.auditId : undefined

  test('are accepted together, each with its own plan', async () => {
    const requests = Array.from({ length: 30 }, (_, i) => ({
      reason: `${i}`,
      params: { openPort: i + 1, closedPort: 2 },
    }))
    const { transactions, responses } = await acceptConcurrently(requests)
    expect(transactions).toBeLessThan(5)
    const batches = await Promise.all(
      responses.map(async (response) => {
        const auditId = idOf(response) ?? ''
        const [{ id: batchId } = { id: -1 }] = await app.stores.batches.open(auditId)
        const batch = await app.stores.batches.findOpen(batchId)
        return [(await app.stores.audits.find(auditId))?.reason, batch?.auditId === auditId, batch?.rules[0]?.port]
      }),
    )
    expect(batches).toEqual(requests.map(({ reason, params: { openPort } }) => [reason, true, openPort]))
  })

  test('and of which one is refused: the others are accepted all the same', async () => {
    const { responses } = await acceptConcurrently([
      { reason: 'good' },
      { targets: ['lost'], key: 'crowd-lost' },
      { reason: 'too' },
    ])
    expect(responses.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(responses[1]).toMatchObject({
      reason: { issues: [{ message: 'there is no target lost: GET /v1/targets lists them' }] },
    })
    const reasons = await Promise.all(
      [0, 2].map(async (i) => (await app.stores.audits.find(idOf(responses[i]) ?? ''))?.reason),
    )
    expect(reasons).toEqual(['good', 'too'])
    const { responses: again } = await acceptConcurrently([{ key: 'crowd-lost' }])
    expect(again).toMatchObject([{ status: 'fulfilled', value: { created: true } }])
  })

  test('with the same key make one audit', async () => {
    const { responses } = await acceptConcurrently(Array.from({ length: 50 }, () => ({ key: 'crowd-same' })))
    expect(new Set(responses.map(idOf)).size).toBe(1)
    expect(responses.filter((one) => one.status === 'fulfilled' && one.value.created)).toHaveLength(1)
  })

  test('cannot all be the last that fits the quota of their caller', async () => {
    await app.query(`UPDATE audit SET finished_at = now() WHERE requested_by = 'crowd'`)
    const { responses } = await acceptConcurrently(Array.from({ length: 60 }, () => ({ quota: 8 })))
    expect(responses.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { message: expect.stringContaining('more than 8 of them') },
    })
    expect(responses.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThan(0)
  })
})
