import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { unzipSync } from 'fflate'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Evidence } from '../../src/domain/findings/evidence.ts'
import { portwarden } from '../support/commands.ts'
import { ledgerKey } from '../support/ledger.ts'
import { run } from '../support/processes.ts'
import { startService, type TestService } from '../support/service.ts'
import { finding, makeSeries, policyOf, startAudit } from '../support/stores.ts'
import { makeTempDir } from '../support/temp-dir.ts'

const program = portwarden('pack')
let service: TestService
let directory: Awaited<ReturnType<typeof makeTempDir>>
let files: Record<string, Uint8Array>

/** Everything that the text of a finding may have in the database: it has to be made again from the pack. */
const evidence = {
  ...{ probe: 'ssh', host: 'ö\u2028"\\\u001b', port: 22 },
  addresses: {
    '10.0.0.10': {
      state: 'open',
      reason: 'ssh-ok',
      facts: { zz: 1.5, ä: [1, 'a', null, true], 'a b': {}, '\t\u007f': 2 ** 53 - 1 },
    },
    '::1': { state: 'open', reason: 'ssh-ok', facts: { zz: -0.25, y: [] } },
  },
} as unknown as Evidence

beforeAll(async () => {
  ;[service, directory] = await Promise.all([startService({ working: false }), makeTempDir('pack')])
  const { stores } = service
  const series = await makeSeries(stores, ['b', 'a'], ['r', 's'])
  const record = async (at: number, some: typeof series, more: object[] = []) => {
    const started = await startAudit(stores, {
      targetIds: series.map(({ targetId }) => targetId),
      policy: policyOf('p', 'r', 's'),
      total: some.length,
    })
    await stores.record({ ...started, findings: some.map((one, i) => finding(one, at + i, more[i])) })
    await service.endAudit({ id: started.auditId })
    return started.auditId
  }
  await record(5_000, series.slice(0, 1)) // what the other audit saw of it before is late
  const id = await record(4_999, series, [
    { evidence, latencyMs: null },
    { result: 'unknown', state: 'unreachable', reason: 'host-unreachable', attempts: 3 },
    { result: 'fail', evidence, indirect: true, latencyMs: 40_000 },
  ])
  const rows = await service.findings(id)
  expect(rows.map(({ late }) => late).sort()).toEqual([false, false, false, true])
  const response = await service.server.inject({
    url: `/v1/audits/${id}/pack`,
    headers: { authorization: `Bearer ${service.key}` },
  })
  files = unzipSync(response.rawPayload)
})
afterAll(() => Promise.all([service?.stop(), directory?.remove()]))

/** Unpacks into a new directory, with some files changed, or left out; and verifies that. */
async function verify(
  change: Record<string, ((text: string) => string) | null> = {},
  key: string | null = ledgerKey,
  more: Record<string, string> = {},
) {
  const path = join(directory.path, 'unpacked')
  await rm(path, { recursive: true, force: true })
  await mkdir(path)
  for (const [name, bytes] of Object.entries(files)) {
    const edit = change[name]
    if (edit === null) continue
    await writeFile(join(path, name), edit ? edit(Buffer.from(bytes).toString()) : bytes)
  }
  const env = { PATH: process.env.PATH, ...(key !== null && { PORTWARDEN_LEDGER_KEY: key }), ...more }
  const { code, stdout, stderr } = await run(process.execPath, [...program, 'verify', path], { env })
  const bad = stdout.split('\n').flatMap((line) => /^(?:broken|unverified) +(\S+)/.exec(line)?.[1] ?? [])
  return { code, stdout, stderr, bad }
}

describe('npm run pack -- verify', { shuffle: false }, () => {
  test('finds a pack intact by itself: its files, its policy, all that its findings say, and the signature', async () => {
    const { code, stdout, stderr, bad } = await verify()
    expect([code, stderr, bad]).toEqual([0, '', []])
    for (const what of ['audit', 'policy', 'findings'])
      expect(stdout).toMatch(new RegExp(`^intact +${what} +matches the ledger entry$`, 'm'))
    expect(stdout).toMatch(/^intact +ledger +entry \d+, valid signature$/m)
  })

  test('cannot verify the signature without the ledger key, and rejects an invalid key', async () => {
    expect(await verify({}, null)).toMatchObject({ code: 2, bad: ['ledger'] })
    const { code, stderr } = await verify({}, 'too-short')
    expect([code, stderr]).toEqual([2, expect.stringContaining('PORTWARDEN_LEDGER_KEY is not valid')])
  })

  test('takes the key from a file too', async () => {
    const file = join(directory.path, 'ledger.key')
    await writeFile(file, `${ledgerKey}\n`)
    expect(await verify({}, null, { PORTWARDEN_LEDGER_KEY_FILE: file })).toMatchObject({ code: 0, bad: [] })
  })

  test.each([
    [
      'a finding that was changed',
      { 'findings.ndjson': (text: string) => text.replace('"fail"', '"pass"') },
      ['findings.ndjson', 'findings'],
    ],
    [
      'a finding that is missing',
      { 'findings.ndjson': (text: string) => text.slice(text.indexOf('\n') + 1) },
      ['findings.ndjson', 'findings'],
    ],
    ['a line that is none', { 'findings.ndjson': (text: string) => text.slice(1) }, ['findings.ndjson', 'findings']],
    [
      'an evidence that was changed',
      { 'findings.ndjson': (text: string) => text.replace('"zz":1.5', '"zz":1.6') },
      ['findings.ndjson', 'findings'],
    ],
    [
      'another verdict',
      { 'audit.json': (text: string) => text.replace('"verdict": "fail"', '"verdict": "pass"') },
      ['audit.json', 'audit'],
    ],
    [
      'another policy',
      { 'policy.json': (text: string) => text.replace('"title"', '"titel"') },
      ['policy.json', 'policy'],
    ],
    [
      'another entry',
      { 'ledger.json': (text: string) => text.replace('"count": 4', '"count": 5') },
      ['ledger.json', 'ledger', 'findings'],
    ],
    ['a file that is missing', { 'findings.csv': null }, ['findings.csv']],
    ['an audit that is no JSON any more', { 'audit.json': (text: string) => text.slice(1) }, ['audit.json', 'audit']],
    [
      'an entry that is no JSON any more',
      { 'ledger.json': (text: string) => text.slice(1) },
      ['ledger.json', 'ledger'],
    ],
    [
      'an entry that has lost a name',
      { 'ledger.json': (text: string) => text.replace('"findings"', '"finding"') },
      ['ledger.json', 'ledger'],
    ],
    ['a manifest that is no JSON any more', { 'manifest.json': (text: string) => text.slice(1) }, ['manifest.json']],
    [
      'a manifest that names what no pack has',
      { 'manifest.json': (text: string) => text.replace('"tool.json"', '"../tool.json"') },
      ['manifest.json'],
    ],
    ['a page that was changed', { 'index.html': (text: string) => `${text} ` }, ['index.html']],
  ])('finds %s', async (_, change, bad) => {
    expect(await verify(change)).toMatchObject({ code: 1, bad })
  })

  test('says of another directory that it holds no pack, and how it is called', async () => {
    expect(await verify({ 'manifest.json': null })).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('no evidence pack: there is no manifest.json'),
    })
    const { code, stderr } = await run(process.execPath, [...program, 'verify'])
    expect([code, stderr]).toEqual([64, expect.stringContaining("missing required argument 'directory'")])
  })
})
