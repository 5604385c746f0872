import { readdirSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { fromOwnPage } from '../support/browser.ts'
import { portwarden } from '../support/commands.ts'
import { run, spawnPeer } from '../support/processes.ts'
import { makeTempDir } from '../support/temp-dir.ts'

// biome-ignore lint/suspicious/noExplicitAny: responses of many shapes
type Json = any

const command = portwarden('demo')

test('npm run demo serves nights that the pipeline recorded, signs in by its link, and leaves nothing behind', async () => {
  const directory = await makeTempDir('demo')
  onTestFinished(directory.remove)
  const env = { PATH: process.env.PATH, PORT: '0', TMPDIR: directory.path }
  const demo = await spawnPeer(process.execPath, [...command, '--nights', '3'], { env })
  await demo.logged(/^Recording 3 nights/m)
  const [, url = '', token = ''] = await demo.logged(/(http:\S+)\/ui\/sign-in#token=(\S+)/)
  const signIn = await fetch(`${url}/session`, {
    method: 'POST',
    headers: { ...fromOwnPage, 'content-type': 'application/json' },
    body: JSON.stringify({ token }),
  })
  expect(signIn.status).toBe(204)
  const cookie = signIn.headers.get('set-cookie')?.split(';')[0] ?? ''
  const get = async (path: string) =>
    (await fetch(`${url}/v1/${path}`, { headers: { ...fromOwnPage, cookie } })).json() as Promise<Json>

  const { items } = await get('runs')
  expect(items).toHaveLength(3)
  const dayMs = 86_400_000
  for (const [i, { dueAt, outcome, audit }] of items.entries()) {
    expect([outcome, Date.parse(items[0].dueAt) - Date.parse(dueAt)]).toEqual(['audit', i * dayMs])
    const { status, createdAt, finishedAt, counts } = await get(`audits/${audit}`)
    expect([status, createdAt.slice(0, 10), finishedAt.slice(0, 10)]).toEqual([
      'completed',
      ...Array(2).fill(dueAt.slice(0, 10)),
    ])
    expect(counts).toMatchObject({ unknown: 0, error: 0, notchecked: 200 })
    expect(counts.pass + counts.fail).toBe(1_000)
  }
  expect(await get('ledger/verify?findings=true')).toMatchObject({
    verdict: 'intact',
    findings: { audits: 3, unproven: 0 },
  })
  expect((await get('absences')).items).toEqual([])
  process.kill(demo.pid, 'SIGTERM')
  expect(await demo.exited).toBe(0)
  expect(readdirSync(directory.path)).toEqual([])
})

test('a number of nights that it cannot serve is refused before anything starts', async () => {
  const { code, stderr } = await run(process.execPath, [...command, '--nights', '0'], {
    env: { PATH: process.env.PATH },
  })
  expect([code, stderr]).toEqual([64, expect.stringContaining('It must be a number from 1 to 365.')])
})
