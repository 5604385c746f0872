import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, test } from 'vitest'
import { windowState } from '../../src/domain/exceptions/windows.ts'
import { planAudit } from '../../src/operations/audits/plan-audit.ts'
import { approveWindow } from '../../src/operations/exceptions/decide-window.ts'
import { requestWindow } from '../../src/operations/exceptions/request-window.ts'
import { createSeal } from '../../src/operations/webhooks/seal.ts'
import { ports } from '../support/app.ts'
import { isConnectedTo } from '../support/connected.ts'
import { startFleet, targetsOf } from '../support/fleet.ts'
import { listenHolding } from '../support/holding.ts'
import { listen } from '../support/listen.ts'
import { freePort } from '../support/ports.ts'
import { listenForProofs } from '../support/proofs.ts'
import { startReceiver, verify } from '../support/receiver.ts'

// Beside each other: they wait until a killed worker is missed.
describe.concurrent('when workers are killed', () => {
  test('what one leaves the other takes over, who worked off batches of the same vantage at the same time', async ({
    expect,
  }) => {
    await using fleet = await startFleet()
    await using target = await listenHolding()
    const oneByOne = { PORTWARDEN_BATCHES: '1' }
    const workers = [await fleet.startWorker(oneByOne), await fleet.startWorker(oneByOne)]
    const targets = 9 // make a large batch
    const params = { openPort: 1, closedPort: await freePort(), httpsPort: target.port }
    const auditIds = [await fleet.acceptFor(targets, params), await fleet.acceptFor(targets, params)]
    for (const { pid } of workers) await expect.poll(() => isConnectedTo(pid, target.port)).toBe(true)
    process.kill(workers[0]?.pid ?? 0, 'SIGKILL')
    target.release()
    await fleet.expectWhole(auditIds, targets)
  })

  test.for([
    ['within a slice', 0, 'audit WHERE id', 'INSERT INTO batch'], // a locked audit holds up its batches
    ['between slices', 1_000, 'plan_slice WHERE audit_id', 'DELETE FROM plan_slice'],
  ] as const)(
    'an audit that one was planning, %s, is planned by the next, with every check once',
    async ([, done, held, waiting], { expect }) => {
      await using fleet = await startFleet()
      const targets = 300 // more than the first slice
      const total = 4 * targets
      const params = { openPort: await freePort(), closedPort: await freePort(), httpsPort: await freePort() }
      const auditId = await fleet.accept({ targets: targetsOf(targets), params }, new Date(Date.now() + 86_400_000))
      await planAudit(fleet, auditId)
      await fleet.transaction(async (_, database) => {
        await database.$executeRawUnsafe('SET LOCAL idle_in_transaction_session_timeout = 0')
        await database.$queryRawUnsafe(`SELECT FROM ${held} = '${auditId}' FOR UPDATE`)
        const starting = fleet.startWorker()
        const waits = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%${waiting}%'`
        await expect.poll(() => fleet.query(waits), { timeout: 90_000 }).toHaveLength(1)
        const progress = { done, total }
        await expect.poll(() => fleet.stores.audits.find(auditId)).toMatchObject({ status: 'running', progress })
        const started = await starting
        process.kill(started.pid, 'SIGKILL')
        await started.exited
      })
      await fleet.startWorker()
      await fleet.expectWhole([auditId], targets)
    },
  )

  test('a pending delivery of one is sent by the next, once more under the same id', async ({ expect }) => {
    await using fleet = await startFleet()
    await using receiver = await startReceiver()
    const key = Buffer.alloc(32, 9)
    const env = {
      PORTWARDEN_SECRET_KEY: key.toString('base64'),
      PORTWARDEN_WEBHOOK_RETRY_SECONDS: '1,1,1,1,1',
      PORTWARDEN_WEBHOOK_TIMEOUT_MS: '60000',
    }
    const secret = `whsec_${Buffer.from('a secret of the tests').toString('base64')}`
    const sealed = { secret: createSeal(() => [key]).close(secret, 'hook'), authorization: null, requestedBy: 'test' }
    const hook = {
      description: null,
      filter: {},
      format: 'standard',
      openAfter: 1,
      groupBy: null,
      enabled: true,
      url: receiver.url,
    } as const
    await fleet.stores.webhooks.create('hook', { ...hook, events: ['audit.completed'] }, sealed)
    receiver.behave(() => undefined) // takes the event and never responds
    const worker = await fleet.startWorker(env)
    const auditId = await fleet.acceptFor(1, { openPort: 1, closedPort: await freePort() })
    await receiver.came(1)
    process.kill(worker.pid, 'SIGKILL')
    receiver.behave(() => 204)
    await fleet.startWorker(env)
    const [first, second] = await receiver.came(2)
    if (!first || !second) throw new Error('nothing came')
    expect(verify(secret, second)).toMatchObject({ type: 'audit.completed', data: { audit: { id: auditId } } })
    expect(second.headers['webhook-id']).toBe(first.headers['webhook-id'])
    expect(second.text).toBe(first.text)
    const settled = async () =>
      (await fleet.stores.deliveries.list('hook', { limit: 10 })).items.map(({ status }) => status)
    await expect.poll(settled).toEqual(['delivered'])
    expect(receiver.received).toHaveLength(2)
  })

  test('before the end of a window, and during its reprobe, it is proven closed all the same', async ({ expect }) => {
    await using fleet = await startFleet()
    const proofs = await listenForProofs(fleet)
    const server = createServer((socket) => socket.on('error', () => {})) // takes connections and sends nothing
    const exposure = await listen(server)
    const closed = ports.rules.find((rule) => rule.id === 'must-be-unreachable') ?? expect.fail('there is no such rule')
    const insideWindow = { expect: { state: ['open'] } }
    const rules = [{ ...closed, probe: 'https' as const, port: exposure.port, insideWindow }]
    await fleet.stores.policies.put({ name: 'kept-closed', title: 'Kept closed', rules })
    await fleet.stores.targets.save([{ name: 'host', address: '127.0.0.1' }])

    process.kill((await fleet.startWorker()).pid, 'SIGKILL')
    const now = new Date()
    const request = { policy: 'kept-closed', rules: [closed.id], targets: ['host'], params: {}, from: now }
    const to = new Date(now.getTime() + 1_000)
    const window = { ...request, to, ticket: 'CHG1', reason: 'a test' }
    const id = await requestWindow(fleet, window, { actor: 'one', now })
    await approveWindow(fleet, { id, actor: 'another', now })

    const probed = once(server, 'connection')
    const worker = await fleet.startWorker()
    await probed
    process.kill(worker.pid, 'SIGKILL')
    await exposure.close()
    await fleet.startWorker()
    const proven = await proofs.proven(id)
    expect(proven).toMatchObject({ reprobes: 1, proof: 'closed' })
    expect(windowState(proven, new Date())).toBe('closed')
    expect(await fleet.stores.audits.find(proven.reprobeAuditId ?? '')).toMatchObject({ trigger: `window:${id}` })
    await proofs.stop()
  })
})
