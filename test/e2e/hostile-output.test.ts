import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { strFromU8, unzipSync } from 'fflate'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { everyAnswer } from '../support/every-answer.ts'
import { ledgerKey } from '../support/ledger.ts'
import { type Listening, listen } from '../support/listen.ts'
import { run } from '../support/processes.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import { startService, type TestService } from '../support/service.ts'

/** What a terminal, a spreadsheet, a log reader or a person could be fooled by. */
const banner = `SSH-2.0-\u001b[2J\u001b]0;owned\u0007\u009b31m=1+1\u202e\u2066\u007f evil\r\n`
const dangerous = /[^\P{Cc}\t\n\r]|\p{Bidi_Control}|\\u00[01]|\\u20[26]/u

let peer: Listening
let receiver: Receiver
let service: TestService
let url: string
const policy = () => ({
  name: 'banners',
  title: 'Banners',
  rules: [
    {
      ...{ id: 'ssh', title: 'ssh', severity: 'low', direction: 'inbound', from: ['client'], probe: 'ssh' },
      ...{ port: peer.port, expect: { ssh: { speaks: true } } },
    },
  ],
})
beforeAll(async () => {
  peer = await listen(createServer((socket) => socket.on('error', () => {}).end(banner)))
  receiver = await startReceiver()
  service = await startService()
  url = await service.listen()
  const events = ['audit.completed']
  await service.call('POST', '/v1/webhooks', { body: { url: receiver.url, events } })
  await service.call('PUT', '/v1/policies/banners', { body: policy() })
  const body = { policy: 'banners', targets: [{ name: 'hostile', address: '127.0.0.1' }] }
  for (let twice = 0; twice < 2; twice += 1)
    await service.call('POST', '/v1/audits', { body, headers: { prefer: 'wait=15' } })
})
afterAll(() => Promise.all([service?.stop(), peer?.close(), receiver?.close()]))

const get = async (path: string, init: RequestInit = {}) => {
  const headers = { ...init.headers, authorization: `Bearer ${service.key}` }
  const answer = await fetch(url + path, { ...init, headers })
  if (!answer.headers.get('content-type')?.includes('zip')) return answer
  const files = Object.values(unzipSync(new Uint8Array(await answer.arrayBuffer())))
  return new Response(files.map((file) => strFromU8(file)).join('\n'))
}

test('no answer in any form shows what a peer sent otherwise than escaped', async () => {
  const query = { from: '2026-01-01T00:00:00Z', to: new Date().toISOString() }
  const target = { target: `127.0.0.1:${peer.port}`, module: 'ssh_banner' }
  const answers = await everyAnswer(get, { ...query, ...target })
  expect(answers).toContain('\\x1b[2J') // it was seen
  const at = answers.search(dangerous)
  expect(at === -1 ? '' : JSON.stringify(answers.slice(Math.max(at - 100, 0), at + 20))).toBe('')
  for (const path of [
    '/v1/targets/hostile/history',
    '/v1/reports/drift?from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z',
  ]) {
    const csv = await (await get(path, { headers: { accept: 'text/csv' } })).text()
    for (const line of csv.split('\r\n')) expect(line).not.toMatch(/(^|,)"?[=+@\t]/)
  }
}, 60_000)

test('no webhook tells it', async () => {
  for (const { text } of await receiver.came(2)) expect(text).not.toMatch(dangerous)
})

const command = fileURLToPath(new URL('../../src/cli/audit.ts', import.meta.url))

test.each([
  ['a table', []],
  ['JSON', ['--json']],
])('npm run audit shows it escaped in %s', async (_, options) => {
  const { stdout, stderr } = await run(process.execPath, [command, '127.0.0.1', '--policy', 'banners', ...options], {
    env: {
      ...{ PATH: process.env.PATH, DATABASE_URL: service.url, PORTWARDEN_LEDGER_KEY: ledgerKey },
      ...{ PORTWARDEN_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'), PORTWARDEN_LOG_LEVEL: 'debug' },
    },
  })
  expect(stdout).toMatch(/127\.0\.0\.1/)
  expect(stdout + stderr).not.toMatch(dangerous)
})
