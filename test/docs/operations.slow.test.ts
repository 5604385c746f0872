import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { portwarden, type Service, startServiceProcess } from '../support/commands.ts'
import { type DataDir, makeDataDir } from '../support/data-dir.ts'
import { databaseUrl, query } from '../support/database-server.ts'
import { type Listening, listen } from '../support/listen.ts'
import { blocksOf, read } from '../support/pages.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { type Postgres15, startPostgres15 } from '../support/peers/postgres15.ts'
import { type Output, run } from '../support/processes.ts'
import { startReceiver } from '../support/receiver.ts'
import { makeTempDir, type TempDir } from '../support/temp-dir.ts'

/** The commands of a section of docs/operations.md, in their order. */
function commandsOf(section: string): string[] {
  const page = read('docs/operations.md')
  const text = page.slice(page.indexOf(`\n## ${section}\n`)).split(/\n## /)[1] ?? ''
  const commands = blocksOf({ path: 'docs/operations.md', text }).filter(({ language }) => language === 'bash')
  expect(commands.length).toBeGreaterThan(0)
  return commands.map((block) => block.text)
}

const [dump = '', copyFiles = ''] = commandsOf('Backup')
const [create = '', restore = '', restoreFiles = ''] = commandsOf('Restore')
const [addKeys = '', dropOldKey = ''] = commandsOf('Rotating keys')

let directory: TempDir
let target: Listening
beforeAll(async () => {
  directory = await makeTempDir('operations')
  target = await listen(createServer((socket) => socket.on('error', () => {})))
  const wrapper = `#!/bin/sh\nexec ${process.execPath} ${portwarden('').join(' ').trim()} "$@"\n`
  await mkdir(join(directory.path, 'bin'))
  await writeFile(join(directory.path, 'bin/portwarden'), wrapper)
  await chmod(join(directory.path, 'bin/portwarden'), 0o755)
})
afterAll(() => Promise.all([target.close(), directory.remove()]))

/** Runs commands as an operator does, who stops at the first that fails. */
const operate = (commands: string, env: Record<string, string>, path = ''): Promise<Output> =>
  run('bash', ['-euo', 'pipefail', '-c', commands], {
    cwd: directory.path,
    env: { ...env, PATH: [join(directory.path, 'bin'), path, process.env.PATH].join(':') },
  })

async function succeeds(commands: string, env: Record<string, string>, path?: string): Promise<string> {
  const { code, stdout, stderr } = await operate(commands, env, path)
  expect([code, code === 0 ? '' : stdout + stderr]).toEqual([0, ''])
  return stdout
}

const policy = () => `name: one-port
title: One port
rules:
  - { id: open, title: The port is open, severity: low, direction: inbound, from: [client], probe: tcp, port: ${target.port}, expect: { state: [open] } }
`

/** Runs an audit to its end. */
async function audit(service: Service, name: string): Promise<string> {
  const headers = { 'content-type': 'application/json', prefer: 'wait=60' }
  const body = JSON.stringify({ policy: 'one-port', targets: [{ name, address: '127.0.0.1' }] })
  const response = await service.call('/v1/audits', { method: 'POST', headers, body })
  const { id } = (await response.json()) as { id: string }
  expect([response.status, id]).toEqual([200, expect.any(String)])
  return id
}

const found = async (service: Service, id: string) => (await service.call(`/v1/audits/${id}`)).status

describeWithPeers(['postgresql'], 'docs/operations.md, with a PostgreSQL server', () => {
  let server: Postgres15
  let env: { DATABASE_URL: string; PORTWARDEN_DATA_DIR: string }
  beforeAll(async () => {
    server = await startPostgres15()
    await query(server.url, ['CREATE ROLE portwarden LOGIN', 'CREATE DATABASE portwarden OWNER portwarden'])
    const url = databaseUrl(server.url, 'portwarden').replace('//postgres@', '//portwarden@')
    env = { DATABASE_URL: url, PORTWARDEN_DATA_DIR: join(directory.path, 'data') }
  })
  afterAll(() => server?.stop())

  const start = () => startServiceProcess(env.DATABASE_URL, { ...env, PORTWARDEN_LEDGER_KEY: '' })
  const ids: Record<string, string> = {}

  test('a backup of a running service restores everything up to it', async () => {
    {
      await using service = await start()
      const yaml = { 'content-type': 'application/yaml' }
      expect(
        (await service.call('/v1/policies/one-port', { method: 'PUT', headers: yaml, body: policy() })).status,
      ).toBe(201)
      ids.before = await audit(service, 'before')
      await succeeds(dump, env, server.bin)
      ids.after = await audit(service, 'after')
    }
    await query(server.url, ['DROP DATABASE portwarden'])
    await rm(env.PORTWARDEN_DATA_DIR, { recursive: true })
    const { hostname, port } = new URL(server.url)
    await succeeds(create, { PGHOST: hostname, PGPORT: port, PGUSER: 'postgres' }, server.bin)
    const out = await succeeds(restore, env, server.bin)
    expect(out).toMatch(/^verdict: {2}intact, [0-9]+ entries checked\nfindings: of 1 audits as recorded/m)
    expect(out).not.toMatch(/^FAIL/m)
    await using service = await start()
    expect([await found(service, ids.before), await found(service, ids.after)]).toEqual([200, 404])
    await audit(service, 'again')
  })

  test('rotated keys sign and seal, the old ones verify and open, and the old one of secrets can go', async () => {
    await using receiver = await startReceiver()
    {
      await using service = await start()
      const json = { 'content-type': 'application/json' }
      const body = JSON.stringify({
        url: receiver.url,
        events: ['audit.completed'],
        authorization: 'Bearer token-of-desk',
      })
      expect((await service.call('/v1/webhooks', { method: 'POST', headers: json, body })).status).toBe(201)
    }
    await succeeds(addKeys, env)
    expect((await readFile(join(env.PORTWARDEN_DATA_DIR, 'secret.key'), 'utf8')).trim().split('\n')).toHaveLength(2)
    await (await start()).stop()
    await succeeds(dropOldKey, env)
    {
      await using service = await start()
      await audit(service, 'rotated')
      const [delivery] = await receiver.came(1)
      expect(delivery?.headers.authorization).toBe('Bearer token-of-desk')
    }
    const verified = await succeeds('portwarden ledger verify --findings', env)
    expect(verified).toMatch(/^verdict: {2}intact/)
    const doctor = await operate('portwarden doctor', env)
    expect(doctor.stdout).toMatch(/^ok +secret key +opens the secrets of all webhooks$/m)
  })

  test('a version that is older than the tables says so', async () => {
    await query(env.DATABASE_URL, [
      `INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name) VALUES ('x', 'x', now(), '9999_next')`,
    ])
    const { code, stdout } = await operate('portwarden doctor', env)
    expect([code, stdout]).toEqual([
      1,
      expect.stringMatching(/^FAIL +migrations +a newer version has changed the tables/m),
    ])
  })
})

test('docs/operations.md: the copied files of an embedded database restore it', async () => {
  const dataDir: DataDir = await makeDataDir()
  try {
    const env = { PORTWARDEN_DATA_DIR: dataDir.path, PORTWARDEN_ALLOW: '127.0.0.0/8' }
    await writeFile(join(directory.path, 'one-port.yaml'), policy())
    await succeeds('portwarden audit 127.0.0.1 --policy one-port.yaml', env)
    await succeeds(copyFiles, env)
    await dataDir.remove()
    const verified = await succeeds(restoreFiles, env)
    expect(verified).toMatch(/^verdict: {2}intact, [0-9]+ entries checked\nfindings: of 1 audits as recorded/m)
  } finally {
    await dataDir.remove()
  }
})
