import { resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createSeal } from '../../src/notify/seal.ts'
import { listenSilently, startTestApp, type TestApp } from '../support/app.ts'
import { environment } from '../support/commands.ts'
import type { Listening } from '../support/listen.ts'
import { freePort } from '../support/ports.ts'
import { type PeerProcess, spawnPeer } from '../support/processes.ts'
import { type Receiver, startReceiver, verify } from '../support/receiver.ts'

const program = resolve(import.meta.dirname, '../../src/main.ts')
const key = Buffer.alloc(32, 9)
const secret = `whsec_${Buffer.from('a secret of the tests').toString('base64')}`
const workers: PeerProcess[] = []
let app: TestApp
let open: Listening
let receiver: Receiver
beforeAll(async () => {
  app = await startTestApp()
  open = await listenSilently()
  receiver = await startReceiver()
})
afterAll(async () => {
  for (const worker of workers) await worker.end()
  await receiver?.close()
  await open?.close()
  await app?.stop()
})

const startWorker = async () => {
  const worker = await spawnPeer(process.execPath, [program, '--role', 'worker'], {
    env: environment(app.url, {
      PORTWARDEN_SECRET_KEY: key.toString('base64'),
      PORTWARDEN_WEBHOOK_RETRY_SECONDS: '1,1,1,1,1',
      PORTWARDEN_WEBHOOK_TIMEOUT_MS: '60000',
    }),
    ready: /works for the vantage local/,
  })
  workers.push(worker)
  return worker
}

test('what a worker was about to tell when it was killed is told by the next one, once more under the same id', async () => {
  const input = { description: null, filter: {}, format: 'standard', enabled: true } as const
  const sealed = { secret: createSeal(() => key).close(secret, 'hook'), authorization: null, requestedBy: 'test' }
  await app.stores.webhooks.create('hook', { ...input, url: receiver.url, events: ['audit.completed'] }, sealed)
  receiver.behave(() => undefined) // takes the event and never answers
  const worker = await startWorker()
  const auditId = await app.accept({ params: { openPort: open.port, shutPort: await freePort() } })
  await receiver.came(1)
  process.kill(worker.pid, 'SIGKILL')
  receiver.behave(() => 204)
  await startWorker()
  const [first, second] = await receiver.came(2)
  if (!first || !second) throw new Error('nothing came')
  expect(verify(secret, second)).toMatchObject({ type: 'audit.completed', data: { audit: { id: auditId } } })
  expect(second.headers['webhook-id']).toBe(first.headers['webhook-id'])
  expect(second.text).toBe(first.text)
  const settled = async () =>
    (await app.stores.deliveries.list('hook', { limit: 10 })).items.map(({ status }) => status)
  await expect.poll(settled).toEqual(['delivered'])
  expect(receiver.received).toHaveLength(2)
})
