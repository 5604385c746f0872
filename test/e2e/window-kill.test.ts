import { once } from 'node:events'
import { createServer } from 'node:net'
import { resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { approveWindow, requestWindow } from '../../src/audit/windows.ts'
import { windowState } from '../../src/domain/windows.ts'
import { ports, startTestApp, type TestApp } from '../support/app.ts'
import { environment } from '../support/commands.ts'
import { listen } from '../support/listen.ts'
import { type PeerProcess, spawnPeer } from '../support/processes.ts'
import { listenForProofs } from '../support/proofs.ts'

const program = resolve(import.meta.dirname, '../../src/main.ts')
const id = '019b7600-0000-7000-8000-000000000001'
const workers: PeerProcess[] = []
let app: TestApp
let proofs: Awaited<ReturnType<typeof listenForProofs>>
beforeAll(async () => {
  app = await startTestApp()
  proofs = await listenForProofs(app)
})
afterAll(async () => {
  for (const worker of workers) await worker.end()
  await proofs?.stop()
  await app?.stop()
})

const startWorker = async () => {
  const worker = await spawnPeer(process.execPath, [program, '--role', 'worker'], {
    env: environment(app.url, { PORTWARDEN_PROBE_TIMEOUT_MS: '30000' }),
    ready: /works for the vantage local/,
  })
  workers.push(worker)
  return worker
}

test('a window whose workers are killed before its end, and while its door is looked at, is proven closed', async () => {
  const server = createServer((socket) => socket.on('error', () => {})) // takes connections and answers nothing
  const door = await listen(server)
  const [shut] = ports.rules.filter((rule) => rule.id === 'must-be-shut')
  if (!shut) throw new Error('the policy of the tests has changed')
  const insideWindow = { expect: { state: ['open'] } }
  const rules = [{ ...shut, probe: 'https' as const, port: door.port, insideWindow }]
  await app.stores.policies.put({ name: 'kept-shut', title: 'Kept shut', rules })
  await app.stores.targets.save([{ name: 'host', address: '127.0.0.1' }])

  process.kill((await startWorker()).pid, 'SIGKILL')
  const now = new Date()
  const to = new Date(now.getTime() + 1_000)
  const asked = { policy: 'kept-shut', rules: [shut.id], targets: ['host'], params: {}, from: now, to }
  const window = { id, ...asked, ticket: 'CHG1', reason: 'a test', requestedBy: 'one' }
  await app.transaction((stores) => requestWindow(stores, window, now))
  await approveWindow(app, { id, keyId: 'another', now })

  const looked = once(server, 'connection')
  const worker = await startWorker()
  await looked
  process.kill(worker.pid, 'SIGKILL')
  await door.close()
  await startWorker()
  const proven = await proofs.proven(id)
  expect(proven).toMatchObject({ reprobes: 1, proof: 'shut' })
  expect(windowState(proven, new Date())).toBe('closed')
  expect(await app.stores.audits.find(proven.reprobeAuditId ?? '')).toMatchObject({ trigger: `window:${id}` })
})
