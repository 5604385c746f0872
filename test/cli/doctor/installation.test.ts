import { existsSync } from 'node:fs'
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Check, Checks } from '../../../src/cli/doctor/check.ts'
import { checkInstallation } from '../../../src/cli/doctor/installation.ts'
import { createAuthority } from '../../support/certificates.ts'
import { environment, portwarden } from '../../support/commands.ts'
import { type DataDir, makeDataDir } from '../../support/data-dir.ts'
import { createEmptyDatabase } from '../../support/database.ts'
import { listen } from '../../support/listen.ts'
import { freePort } from '../../support/ports.ts'
import { run } from '../../support/processes.ts'
import { startReceiver } from '../../support/receiver.ts'
import { startService, type TestService } from '../../support/service.ts'
import { makeTempDir, type TempDir } from '../../support/temp-dir.ts'

let service: TestService
let dataDir: DataDir
let files: TempDir
beforeAll(async () => {
  ;[service, dataDir, files] = await Promise.all([startService(), makeDataDir(), makeTempDir('doctor')])
})
afterAll(() => Promise.all([service.stop(), dataDir.remove(), files.remove()]))

/** As the processes of the service are configured. */
const configured = (env: Record<string, string> = {}) =>
  environment(service.url, {
    PORTWARDEN_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
    PORTWARDEN_DATA_DIR: dataDir.path,
    ...env,
  })

async function collect(checks: Checks): Promise<Check[]> {
  const all: Check[] = []
  for await (const check of checks) all.push(check)
  return all
}

/** The checks that do not pass, as `NAME: message`, with these settings. */
async function complaints(env: NodeJS.ProcessEnv): Promise<string[]> {
  const checks = await collect(checkInstallation(env))
  return checks.filter(({ state }) => state !== 'ok').map(({ state, name, message }) => `${state} ${name}: ${message}`)
}

describe('portwarden doctor', () => {
  test('finds nothing where all is well, and exits 0', async () => {
    const { code, stdout, stderr } = await run(process.execPath, portwarden('doctor'), { env: configured() })
    expect(stderr).toBe('')
    expect(stdout).not.toMatch(/^(FAIL|WARN|skipped)/m)
    for (const name of [
      'settings',
      'data directory',
      'database',
      'connections',
      'clock',
      'migrations',
      'ledger',
      'zones',
    ])
      expect(stdout).toMatch(RegExp(`^ok +${name} `, 'm'))
    expect(stdout).toMatch(/\nAll [0-9]+ checks pass\.\n$/)
    expect(code).toBe(0)
  })

  test('exits 1 where something fails, and prints JSON without colours or secrets', async () => {
    const env = configured({ PORTWARDEN_LEDGER_KEY: 'y'.repeat(40) })
    const { code, stdout } = await run(process.execPath, [...portwarden('doctor'), '--json'], { env })
    expect(code).toBe(1)
    const { fail, checks } = JSON.parse(stdout)
    expect([fail, checks.filter((check: Check) => check.state === 'fail')]).toEqual([
      1,
      [{ name: 'ledger', state: 'fail', message: expect.stringContaining('which is not configured') }],
    ])
    expect(stdout).not.toContain('y'.repeat(40))
  })

  test('names an invalid setting, and checks nothing else', async () => {
    expect(await complaints(configured({ PORTWARDEN_BATCHES: 'many' }))).toEqual([
      'fail settings: PORTWARDEN_BATCHES is not valid; a valid example: PORTWARDEN_BATCHES=4',
    ])
  })

  test('warns of a setting that nothing reads', async () => {
    expect(await complaints(configured({ PORTWARDEN_ZONE: 'dmz', PORTWARDEN_OIDC_AUDIENCE: 'x' }))).toEqual([
      expect.stringMatching(/^warn settings: PORTWARDEN_ZONE, PORTWARDEN_OIDC_AUDIENCE: no setting, or without effect/),
    ])
  })

  test('says that a database is away, and that what is stored could not be checked', async () => {
    const away = `postgresql://someone@127.0.0.1:${await freePort()}/none`
    expect(await complaints(configured({ DATABASE_URL: away }))).toEqual([
      expect.stringMatching(/^fail database: The database does not respond \(.*ECONNREFUSED/),
      expect.stringMatching(/^skip stored data: /),
    ])
  })

  test('says what a role lacks', async () => {
    const role = `doctor_${process.pid}`
    await service.query(`CREATE ROLE ${role} LOGIN`)
    const { username } = new URL(service.url)
    const url = service.url.replace(`//${username}`, `//${role}`)
    try {
      expect(await complaints(configured({ DATABASE_URL: url }))).toEqual([
        expect.stringMatching(/^fail database: .* lacks privileges\. Run as its owner or as a superuser: GRANT /),
        expect.stringMatching(/^skip stored data: /),
      ])
    } finally {
      await service.query(`DROP ROLE ${role}`)
    }
  })

  test('expects the first start of an empty database, and changes nothing there', async () => {
    const empty = await createEmptyDatabase()
    try {
      for (const _time of [1, 2]) {
        const checks = await collect(checkInstallation(configured({ DATABASE_URL: empty.url })))
        expect(checks.filter(({ name }) => name === 'migrations')).toEqual([
          { name: 'migrations', state: 'ok', message: 'none yet: the first start creates the tables' },
        ])
      }
    } finally {
      await empty.drop()
    }
  })

  test('warns of migrations that the next start applies', async () => {
    const newest = '(SELECT max(migration_name) FROM _prisma_migrations)'
    await service.query(`UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name = ${newest}`)
    try {
      expect(await complaints(configured())).toEqual([
        expect.stringMatching(/^warn migrations: the next start applies 1, from 20[0-9]+_\w+ on: make a backup first/),
      ])
    } finally {
      await service.query('UPDATE _prisma_migrations SET rolled_back_at = NULL')
    }
  })

  test('says that a newer version has changed the tables', async () => {
    await service.query(`INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name)
      VALUES ('future', 'x', now(), '9999_future')`)
    try {
      expect(await complaints(configured())).toEqual([
        expect.stringMatching(/^fail migrations: a newer version has changed the tables \(9999_future\)/),
      ])
    } finally {
      await service.query(`DELETE FROM _prisma_migrations WHERE id = 'future'`)
    }
  })

  test('warns of too few connections', async () => {
    const env = configured({ PORTWARDEN_DATABASE_CONNECTIONS: '100' })
    expect(await complaints(env)).toEqual([expect.stringMatching(/^warn connections: -?[0-9]+ connections are free/)])
  })

  test('says that the ledger was signed with another key, and which entry is broken', async () => {
    const [last] = await service.query<{ seq: string }>('SELECT max(seq)::text AS seq FROM ledger_entry')
    const change = (to: string) => [
      'ALTER TABLE ledger_entry DISABLE TRIGGER ALL',
      `UPDATE ledger_entry SET actor = ${to} WHERE seq = ${last?.seq}`,
    ]
    for (const statement of change(`actor || '!'`)) await service.query(statement)
    try {
      expect(await complaints(configured())).toEqual([
        expect.stringMatching(RegExp(`^fail ledger: entry ${last?.seq}: `)),
      ])
    } finally {
      for (const statement of change(`rtrim(actor, '!')`)) await service.query(statement)
    }
  })

  test('says which certificate ends soon, is over, or names another host', async () => {
    const authority = await createAuthority('Doctor CA')
    const inspect = async (options: { fromDays?: number; toDays?: number }, env: Record<string, string> = {}) => {
      const { certPath, keyPath } = await authority.issue({
        commonName: 'a',
        subjectAltName: 'DNS:localhost,IP:127.0.0.1',
        ...options,
      })
      const all = await complaints(configured({ PORTWARDEN_TLS_CERT: certPath, PORTWARDEN_TLS_KEY: keyPath, ...env }))
      return all.filter((line) => line.includes('certificate'))
    }
    expect(await inspect({ toDays: 90 })).toEqual([])
    expect(await inspect({ toDays: 9.6 })).toEqual([expect.stringMatching(/^warn certificate: .* expires in 9 days/)])
    expect(await inspect({ fromDays: -9, toDays: -2 })).toEqual([
      expect.stringMatching(/^fail certificate: .* expired on /),
    ])
    expect(await inspect({}, { PORTWARDEN_PUBLIC_URL: 'https://portwarden.invalid' })).toEqual([
      expect.stringMatching(/^fail certificate: .* does not name portwarden\.invalid/),
    ])
  })

  test('says whether the public URL leads to the service', async () => {
    const url = await service.listen()
    expect(await complaints(configured({ PORTWARDEN_PUBLIC_URL: url }))).toEqual([])
    const other = await listen(createServer((_request, response) => response.end('hello')))
    const elsewhere = `http://127.0.0.1:${other.port}`
    expect(await complaints(configured({ PORTWARDEN_PUBLIC_URL: elsewhere }))).toEqual([
      expect.stringMatching(/^fail public URL: .* responded 200, and not as Portwarden: check the proxy/),
    ])
    await other.close()
  })

  test('says that an issuer of tokens does not respond', async () => {
    const env = {
      PORTWARDEN_OIDC_ISSUER: `http://127.0.0.1:${await freePort()}`,
      PORTWARDEN_OIDC_AUDIENCE: 'portwarden',
    }
    expect(await complaints(configured(env))).toEqual([expect.stringMatching(/^fail token issuer: .*ECONNREFUSED/)])
  })

  test('says that no canary responds, and which credential cannot be read', async () => {
    const env = {
      PORTWARDEN_CANARY: `127.0.0.1:${await freePort()}`,
      PORTWARDEN_CREDENTIALS: `file:${join(dataDir.path, 'none.json')}@127.0.0.1/32`,
    }
    expect(await complaints(configured(env))).toEqual([
      expect.stringMatching(/^fail vantage local: no canary responds, .* 127\.0\.0\.1:[0-9]+ connection-refused/),
      expect.stringMatching(/^fail credential: file:.*none\.json cannot be read/),
    ])
    const file = join(files.path, 'credential.json')
    await writeFile(file, JSON.stringify({ user: 'u', password: 'p' }), { mode: 0o600 })
    expect(await complaints(configured({ PORTWARDEN_CREDENTIALS: `file:${file}@127.0.0.1/32` }))).toEqual([])
    await rm(file)
  })

  test('warns of absent vantages, and of zones that schedules need', async () => {
    await service.call('PUT', '/v1/vantages/branch', { body: { zones: ['elsewhere'] } })
    await service.stores.targets.save([{ name: 'host', address: '127.0.0.1' }])
    const audit = { policy: 'ports', targets: ['host'], params: { openPort: 1, closedPort: 2 } }
    const body = { name: 'nightly', cron: '0 3 * * *', audit }
    expect(await service.call('POST', '/v1/schedules', { body })).toMatchObject({ status: 201 })
    try {
      expect(await complaints(configured())).toEqual([
        expect.stringMatching(/^warn vantage branch: the agent was never seen/),
        expect.stringMatching(/^warn zones: no vantage is in elsewhere: /),
      ])
    } finally {
      await service.call('DELETE', '/v1/schedules/nightly')
      await service.call('DELETE', '/v1/vantages/branch')
    }
  })

  test('connects to the receivers of webhooks, sends nothing, and says which secret key is missing', async () => {
    await using receiver = await startReceiver()
    const closed = `http://127.0.0.1:${await freePort()}/`
    const made: string[] = []
    for (const [description, url] of [
      ['desk', receiver.url],
      ['gone', closed],
    ])
      made.push(
        (await service.call('POST', '/v1/webhooks', { body: { url, description, events: ['audit.completed'] } })).body
          .id,
      )
    expect(await complaints(configured())).toEqual([
      expect.stringMatching(/^fail webhook \w+: gone: 127\.0\.0\.1:[0-9]+ cannot be reached \(connection-refused\)/),
    ])
    expect(receiver.received).toEqual([])
    const other = { PORTWARDEN_SECRET_KEY: Buffer.alloc(32, 8).toString('base64') }
    expect(await complaints(configured(other))).toContainEqual(
      expect.stringMatching(/^fail secret key: it does not open the secrets of the webhook/),
    )
    expect(await complaints(configured({ PORTWARDEN_SECRET_KEY: '' }))).toContainEqual(
      expect.stringMatching(/^fail secret key: there is none in .*: restore secret\.key/),
    )
    for (const id of made) await service.call('DELETE', `/v1/webhooks/${id}`)
  })

  test('expects the embedded database where none is configured, and creates nothing', async () => {
    const fresh = join(files.path, 'new')
    const checks = await collect(checkInstallation(configured({ DATABASE_URL: '', PORTWARDEN_DATA_DIR: fresh })))
    expect(checks.filter(({ name }) => ['data directory', 'database'].includes(name))).toEqual([
      { name: 'data directory', state: 'ok', message: expect.stringContaining('the first start creates it') },
      { name: 'database', state: 'ok', message: expect.stringContaining('the first start creates') },
    ])
    expect(existsSync(fresh)).toBe(false)
  })

  test('says that others may write to the data directory', async () => {
    const open = join(files.path, 'open')
    await mkdir(open)
    await chmod(open, 0o777)
    expect(await complaints(configured({ PORTWARDEN_DATA_DIR: open }))).toEqual([
      expect.stringMatching(/^fail data directory: Other users may write to .* run chmod go-w/),
    ])
  })
})
