import { afterAll, beforeAll, expect, test } from 'vitest'
import { listenSilently, startTestApp, type TestApp } from '../support/app.ts'
import { environment, portwarden } from '../support/commands.ts'
import type { Listening } from '../support/listen.ts'
import { freePort } from '../support/ports.ts'
import { type PeerProcess, spawnPeer } from '../support/processes.ts'

const program = portwarden('serve')

let app: TestApp
let open: Listening
let worker: PeerProcess
beforeAll(async () => {
  app = await startTestApp({ PORTWARDEN_VANTAGE: 'unused', PORTWARDEN_ZONES: 'unused' })
  open = await listenSilently()
  worker = await spawnPeer(process.execPath, [...program, '--role', 'worker'], {
    env: environment(app.url, {
      PORTWARDEN_VANTAGE: 'office,branch',
      PORTWARDEN_ZONES: 'office=client,support;branch=elsewhere',
      PORTWARDEN_ALLOW: 'office=127.0.0.0/8;branch=192.0.2.0/24',
      PORTWARDEN_CANARY: `office=127.0.0.1:${open.port}`,
    }),
    ready: /works for the vantages office, branch/,
  })
})
afterAll(async () => {
  await worker?.end()
  await open?.close()
  await app?.stop()
})

test('one worker probes from several vantages, each with its own zones, networks and canaries', async () => {
  const auditId = await app.accept({ params: { openPort: open.port, closedPort: await freePort() } })
  expect(await app.ended(auditId)).toMatchObject({ status: 'completed', progress: { done: 4, total: 4 } })
  const seen = (await app.findings(auditId)).map(({ rule, vantage, reason }) => `${rule} ${vantage} ${reason.code}`)
  expect(seen.sort()).toEqual([
    'from-elsewhere branch egress-denied',
    'must-be-open office as-expected',
    'must-be-unreachable office as-expected',
    'when-https office condition-not-met',
  ])
  // At the next beat.
  await expect
    .poll(async () => (await app.stores.vantages.page({ limit: 10 })).items)
    .toMatchObject([
      { name: 'branch', zones: ['elsewhere'], kind: 'worker', canary: 'none' },
      { name: 'office', zones: ['client', 'support'], kind: 'worker', canary: 'online' },
      { name: 'unused' },
    ])
})
