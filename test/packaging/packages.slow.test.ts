import { chmod, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listenSilently } from '../support/app.ts'
import { type DataDir, makeDataDir } from '../support/data-dir.ts'
import { createTestDatabase } from '../support/database.ts'
import { type Installed, install, pack, path, root } from '../support/installed.ts'
import { ledgerKey } from '../support/ledger.ts'
import { type HttpsPeer, startHttps } from '../support/peers/https.ts'
import { freePort } from '../support/ports.ts'
import { mustRun, spawnPeer } from '../support/processes.ts'
import { startService } from '../support/service.ts'
import { makeTempDir, type TempDir } from '../support/temp-dir.ts'

let directory: TempDir
let dataDir: DataDir
let https: HttpsPeer
let tarball: string
beforeAll(async () => {
  directory = await makeTempDir('package')
  await chmod(directory.path, 0o711) // as root, PostgreSQL runs from it as another user
  dataDir = await makeDataDir()
  https = await startHttps()
  await mustRun(process.execPath, ['packaging/main.ts'], { cwd: root })
  tarball = await pack(root, directory.path)
})
afterAll(() => Promise.all([https?.stop(), dataDir?.remove(), directory?.remove()]))

const compliant = async () => [
  ...['audit', '127.0.0.1', '--param', 'allowSelfSigned=true'],
  ...['--param', `clientPort=${https.port}`, '--param', `sshPort=${await freePort()}`],
]

// One story: each step needs the one before it.
describe('the package in an empty folder', { shuffle: false }, () => {
  let installed: Installed

  test('takes at most 250 MB with the embedded PostgreSQL', async () => {
    installed = await install(tarball, join(directory.path, 'whole'))
    const size = await installed.sizeMib()
    expect(size).toBeLessThan(250)
    expect(size).toBeGreaterThan(100) // it is there
  })

  test('audits a host, with the connector of its own and without a warning', async () => {
    const { code, stdout, stderr } = await installed.npx(['portwarden', ...(await compliant())], {
      PORTWARDEN_DATA_DIR: dataDir.path,
    })
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^verdict: pass /m)
    expect(dataDir.postmaster()).toBeUndefined()
  })

  test('serves the API, its documents and the console, and checks large policies on a thread', async () => {
    const program = join(installed.directory, 'node_modules/portwarden/lib/main.js')
    const service = await spawnPeer(process.execPath, [program, 'serve'], {
      env: { PATH: process.env.PATH, PORT: '0', PORTWARDEN_DATA_DIR: dataDir.path },
      ready: /^Console, /m,
    })
    const [, url = ''] = await service.logged(/^Portwarden \S+ at (http:\S+)/m)
    const authorization = `Bearer ${(await readFile(join(dataDir.path, 'admin.key'), 'utf8')).trim()}`
    const call = (path: string, init: RequestInit = {}) =>
      fetch(url + path, { ...init, headers: { authorization, 'content-type': 'application/yaml' } })
    for (const page of ['/ui/', '/docs/', '/openapi.json'])
      expect([page, (await call(page)).status]).toEqual([page, 200])
    const { items } = (await (await call('/v1/audits')).json()) as { items: unknown[] }
    expect(items).toMatchObject([{ trigger: 'cli', verdict: 'pass' }])
    const policy = await readFile(join(root, 'src/policies/netwrix-endpoint-protector.yaml'), 'utf8')
    const large = `${policy}\n${'# a comment\n'.repeat(2_000)}`
    const checked = await call('/v1/policies/validate', { method: 'POST', body: large })
    expect([checked.status, await checked.json()]).toMatchObject([200, { valid: true }])
    await service.end()
    expect(dataDir.postmaster()).toBeUndefined()
  })

  test('has the man page where its manifest says, and completion', async () => {
    const home = join(installed.directory, 'node_modules/portwarden')
    const { man } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8')) as { man: [string] }
    expect(await readFile(join(home, man[0]), 'utf8')).toMatch(/^\.TH PORTWARDEN 1 /)
    const { code, stdout } = await installed.npx(['portwarden', 'completion', 'bash'])
    expect([code, stdout]).toEqual([0, expect.stringContaining('complete ')])
  })

  test('takes at most 120 MB without optional packages, of which the embedded PostgreSQL is one', async () => {
    await installed.omitOptional()
    expect(await installed.sizeMib()).toBeLessThan(120)
  })

  test('says then, without a stack, that DATABASE_URL must be set', async () => {
    const unused = await makeDataDir()
    const env = { PORTWARDEN_DATA_DIR: unused.path }
    const { code, stderr } = await installed.npx(['portwarden', ...(await compliant())], env)
    await unused.remove()
    expect(code).toBe(2)
    expect(stderr).toMatch(/^portwarden: The embedded PostgreSQL is not installed .*set DATABASE_URL .*\n$/)
  })

  test('audits then with another PostgreSQL', async () => {
    const database = await createTestDatabase()
    const { code, stdout } = await installed.npx(['portwarden', ...(await compliant())], {
      DATABASE_URL: database.url,
      PORTWARDEN_LEDGER_KEY: ledgerKey,
      PORTWARDEN_DATA_DIR: join(directory.path, 'data'),
    })
    await database.drop()
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^verdict: pass /m)])
  })
})

describe('the package of the agent', { shuffle: false }, () => {
  let installed: Installed

  test('takes at most 60 MB, and has neither Prisma nor a driver nor a server', async () => {
    installed = await install(await pack(join(root, 'dist/agent'), directory.path), join(directory.path, 'agent'))
    expect(await installed.sizeMib()).toBeLessThan(60)
    const packages = await readdir(join(installed.directory, 'node_modules'))
    expect(packages).toContain('portwarden-agent')
    expect(packages.filter((name) => /prisma|^pg|fastify|undici|opentelemetry/.test(name))).toEqual([])
  })

  test('leases the batch of an audit and delivers it, with the connector of its own', async () => {
    const service = await startService()
    const target = await listenSilently()
    await service.call('PUT', '/v1/vantages/branch', { body: { zones: ['elsewhere'] } })
    const { body } = await service.call('POST', '/v1/keys', { body: { name: 'agent', scopes: ['vantage:branch'] } })
    const program = join(installed.directory, 'node_modules/.bin/portwarden-agent')
    const agent = await spawnPeer(program, ['--server', await service.listen(), '--vantage', 'branch'], {
      env: { PATH: path, PORTWARDEN_AGENT_KEY: body.key, PORTWARDEN_DATA_DIR: join(directory.path, 'spool') },
      ready: /probes from branch/,
    })
    const auditId = await service.accept({ params: { openPort: target.port, closedPort: await freePort() } })
    expect(await service.ended(auditId)).toMatchObject({ status: 'completed', verdict: 'pass' })
    const seen = (await service.findings(auditId)).filter(({ vantage }) => vantage === 'branch')
    expect(seen).toMatchObject([{ rule: 'from-elsewhere', result: 'pass', state: 'open' }])
    await agent.logged(/"recorded":true/)
    expect(agent.log()).not.toContain('connects with the sockets of Node')
    await agent.end()
    await target.close()
    await service.stop()
  })
})
