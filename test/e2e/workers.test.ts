import { resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listenSilently, startTestApp, type TestApp } from '../support/app.ts'
import { environment } from '../support/commands.ts'
import { type Holding, listenHolding } from '../support/holding.ts'
import type { Listening } from '../support/listen.ts'
import { freePort } from '../support/ports.ts'
import { type PeerProcess, spawnPeer } from '../support/processes.ts'

const program = resolve(import.meta.dirname, '../../src/main.ts')

describe('two workers of one vantage', () => {
  let app: TestApp
  let open: Listening
  let target: Holding
  let params: Record<string, number>
  const workers: PeerProcess[] = []

  const startWorker = async () => {
    const worker = await spawnPeer(process.execPath, [program, '--role', 'worker'], {
      env: environment(app.url, { PORTWARDEN_BATCHES: '1', PORTWARDEN_PROBE_TIMEOUT_MS: '30000' }),
      ready: /works for the vantage local/,
    })
    workers.push(worker)
    return worker
  }

  beforeAll(async () => {
    app = await startTestApp()
    target = await listenHolding()
    open = await listenSilently()
    params = { openPort: open.port, shutPort: await freePort(), httpsPort: target.port }
    await startWorker()
    await startWorker()
  })
  afterAll(async () => {
    for (const worker of workers) await worker.end()
    await target?.close()
    await open?.close()
    await app?.stop()
  })

  test('work off its batches at the same time, and what one leaves when it is killed the other takes over', async () => {
    const auditIds = [await app.accept({ params }), await app.accept({ params })]
    await target.holds(2) // each worker runs one batch at a time, and each batch waits for one answer
    const [killed] = workers
    process.kill(killed?.pid ?? 0, 'SIGKILL')
    target.release()
    for (const auditId of auditIds) {
      expect(await app.ended(auditId)).toMatchObject({ status: 'completed', progress: { done: 4, total: 4 } })
      expect(await app.findings(auditId)).toHaveLength(4)
    }
  })
})
