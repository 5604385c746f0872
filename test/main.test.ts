import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { builtInPolicies } from '../src/policies/built-in.ts'
import { fromOwnPage } from './support/browser.ts'
import { portwarden } from './support/commands.ts'
import { type DataDir, makeDataDir } from './support/data-dir.ts'
import { listen } from './support/listen.ts'
import { findCommand, mustRun, run } from './support/processes.ts'
import { afterDeath } from './support/reaper.ts'

const command = portwarden('serve')

let dataDir: DataDir
beforeAll(async () => {
  dataDir = await makeDataDir()
})
afterAll(() => dataDir.remove())

const environment = (more: NodeJS.ProcessEnv = {}) => ({
  PATH: process.env.PATH,
  PORT: '0',
  PORTWARDEN_DATA_DIR: dataDir.path,
  PORTWARDEN_LOG_LEVEL: 'warn',
  ...more,
})

interface Service {
  child: ChildProcess
  line: string
  /** The second line. */
  link: string
  url: string
  keyFile: string
  curl: string
  /** Sends a signal; returns the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

async function startService(): Promise<Service> {
  const child = spawn(process.execPath, [...command], { env: environment(), stdio: ['ignore', 'pipe', 'inherit'] })
  const forget = afterDeath(['kill', '-s', 'KILL', String(child.pid)])
  const lines = createInterface(child.stdout)
  const printed: string[] = []
  const both = new Promise<void>((resolve) => {
    lines.on('line', (text) => {
      printed.push(text)
      if (printed.length === 2) resolve()
    })
  })
  await Promise.race([both, once(child, 'exit')])
  const [line = '', link = ''] = printed
  const parts = /^Portwarden \S+ at (\S+) {2}admin key: (.+?) {2}try: (.+)$/.exec(String(line))
  if (!parts) throw new Error(`the service said ${line}`)
  const [, url = '', keyFile = '', curl = ''] = parts
  return {
    ...{ child, line, link, url, keyFile, curl },
    async stop(signal = 'SIGTERM') {
      const exited = once(child, 'exit')
      child.kill(signal)
      const [code] = await exited
      forget()
      return code
    },
  }
}

async function call(service: Service, method: string, path: string, body?: object, prefer = '') {
  const key = (await mustRun('cat', [service.keyFile])).trim()
  const headers = { authorization: `Bearer ${key}`, prefer, ...(body ? { 'content-type': 'application/json' } : {}) }
  const response = await fetch(service.url + path, { method, headers, body: body && JSON.stringify(body) })
  // biome-ignore lint/suspicious/noExplicitAny: read as a caller does, without types
  return { status: response.status, body: (await response.json()) as any }
}

// One story, in this order.
describe('npm start', { shuffle: false }, () => {
  let service: Service
  let keys: string[]

  test('says in one line where it is, where the key lies, and what to try', async () => {
    service = await startService()
    expect(service.line).toMatch(/^Portwarden \d+\.\d+\.\d+ at http:\/\/127\.0\.0\.1:\d+ {2}admin key: /)
    expect(service.keyFile).toBe(join(dataDir.path, 'admin.key'))
    expect((await fetch(`${service.url}/readyz`)).status).toBe(200)
  })

  test('prints a link that signs in to the console once, without the key', async () => {
    const [, page, token] =
      /^Console, signs in once within 10 minutes: (\S+)#token=([\w-]{43})$/.exec(service.link) ?? []
    expect(page).toBe(`${service.url}/ui/sign-in`)
    const key = readFileSync(service.keyFile, 'utf8').trim()
    expect(service.link).not.toContain(key.split('_')[2])
    const signIn = () =>
      fetch(`${service.url}/session`, {
        method: 'POST',
        headers: { ...fromOwnPage, 'content-type': 'application/json' },
        body: JSON.stringify({ token }),
      })
    const first = await signIn()
    const cookie = first.headers.getSetCookie().map((one) => one.split(';')[0])
    expect([first.status, (await signIn()).status]).toEqual([204, 401])
    const me = await fetch(`${service.url}/v1/me`, { headers: { ...fromOwnPage, cookie: cookie.join('; ') } })
    expect(await me.json()).toMatchObject({ id: key.split('_')[1], scopes: ['admin'] })
  })

  test('keeps the key from everybody else', () => {
    expect(statSync(service.keyFile).mode & 0o777).toBe(0o600)
    expect(statSync(dataDir.path).mode & 0o777).toBe(0o700)
  })

  test('prints a curl that works when it is pasted', async ({ skip }) => {
    if (!findCommand('curl')) skip('needs curl')
    const policies = JSON.parse(await mustRun('bash', ['-c', `${service.curl} --silent --show-error --fail`]))
    expect(policies.items.map(({ name }: { name: string }) => name)).toEqual(
      builtInPolicies()
        .map(({ name }) => name)
        .sort(),
    )
  })

  test('goes on after its standard output was closed', async () => {
    const own = await makeDataDir()
    const child = spawn(process.execPath, [...command, '--role', 'api'], {
      env: environment({ PORTWARDEN_DATA_DIR: own.path }),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const forget = afterDeath(['kill', '-s', 'KILL', String(child.pid)])
    child.stdout.destroy()
    const warning = /standard output was closed/
    for await (const text of createInterface(child.stderr)) if (warning.test(text)) break
    expect(child.exitCode).toBeNull()
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    expect(await exited).toEqual([0, null])
    forget()
    await own.remove()
  })

  test('refuses a second service on the same directory, which goes on', async () => {
    const { code, stdout, stderr } = await run(process.execPath, [...command], { env: environment() })
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(
      /^portwarden: The data directory .* is in use by another Portwarden \(process \d+\): stop that one/,
    )
    expect(stderr).not.toMatch(/\n {4}at /)
    expect((await fetch(`${service.url}/readyz`)).status).toBe(200)
  })

  test('lets the audit command work beside it, on the same data', async () => {
    const audit = portwarden('audit')
    const { code } = await run(process.execPath, [...audit, '169.254.169.254'], { env: environment() })
    expect(code).toBe(2)
    const { body } = await call(service, 'GET', '/v1/audits')
    expect(body.items).toMatchObject([{ trigger: 'cli', status: 'completed', counts: { error: expect.any(Number) } }])
    expect(dataDir.postmaster()).toBeDefined()
  })

  test('does not end at SIGHUP, which a rotation of logs and a terminal that closes send', async () => {
    service.child.kill('SIGHUP')
    expect((await fetch(`${service.url}/livez`)).status).toBe(200)
  })

  test('stops at SIGTERM with exit code 0, and its database with it', async () => {
    const made = await call(service, 'POST', '/v1/targets', { name: 'epp-01', address: '127.0.0.1' })
    expect(made.status).toBe(201)
    keys = [(await mustRun('cat', [service.keyFile])).trim()]
    expect(await service.stop()).toBe(0)
    expect(dataDir.postmaster()).toBeUndefined()
  })

  test('has everything again after a restart, the key too', async () => {
    service = await startService()
    expect([(await mustRun('cat', [service.keyFile])).trim()]).toEqual(keys)
    expect((await call(service, 'GET', '/v1/targets/epp-01')).body).toMatchObject({ address: '127.0.0.1' })
    expect((await call(service, 'GET', '/v1/audits')).body.items).toHaveLength(1)
  })

  test('ends an audit that was accepted when it was killed', async () => {
    const body = { policy: 'netwrix-endpoint-protector', targets: ['epp-01'] }
    const { body: audit } = await call(service, 'POST', '/v1/audits', body)
    await service.stop('SIGKILL')
    service = await startService() // it adopts the database that was left running
    let ended = audit
    while (ended.finishedAt === null) {
      ended = (await call(service, 'GET', `/v1/audits/${audit.id}`, undefined, 'wait=15')).body
    }
    expect(ended).toMatchObject({ status: 'completed', progress: { done: ended.progress.total } })
    expect(ended.progress.total).toBeGreaterThan(7)
  })

  test('stops at SIGINT in the same way', async () => {
    expect(await service.stop('SIGINT')).toBe(0)
    expect(dataDir.postmaster()).toBeUndefined()
  })

  test('leaves no database running when its port is taken', async () => {
    const taken = await listen(createServer())
    const env = environment({ PORT: String(taken.port) })
    const { code, stderr } = await run(process.execPath, [...command], { env })
    await taken.close()
    expect(code).toBe(2)
    expect(stderr).toMatch(/EADDRINUSE/)
    expect(dataDir.postmaster()).toBeUndefined()
  })

  test('does not listen where others can send it keys in clear, and says what to set', async () => {
    const { code, stdout, stderr } = await run(process.execPath, [...command], {
      env: environment({ HOST: '0.0.0.0' }),
    })
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(/^portwarden: HOST .*PORTWARDEN_TLS_CERT=.*PORTWARDEN_BEHIND_PROXY=true/)
    expect(dataDir.postmaster()).toBeUndefined()
  })

  test('prints its usage with --help, and refuses an unknown option', async () => {
    const start = (...argv: string[]) => run(process.execPath, [...command, ...argv], { env: environment() })
    expect(await start('--help')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Usage: portwarden serve .*\n$/s),
    })
    const { code, stderr } = await start('--rol', 'worker')
    expect([code, stderr]).toEqual([64, expect.stringMatching(/^error: unknown option '--rol'/)])
  })

  test('names a setting that is not valid, and starts nothing', async () => {
    const { code, stderr } = await run(process.execPath, [...command], { env: environment({ PORT: 'http' }) })
    expect([code, stderr]).toEqual([2, 'portwarden: PORT is not valid; a valid example: PORT=8080\n'])
  })
})
