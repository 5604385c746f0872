import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { isHost } from '../../src/domain/endpoint.ts'
import { ledgerKey } from '../support/ledger.ts'
import { type Listening, listen } from '../support/listen.ts'
import { run } from '../support/processes.ts'
import { startService, type TestService } from '../support/service.ts'
import { spellings } from '../support/spellings.ts'

const allowed = '127.0.0.2'
const corpus = spellings().map(({ text }) => text)

/** Listens at every address of this machine; where a connect arrived tells whether it was allowed. */
let sentinel: Listening
const arrived: string[] = []
let service: TestService
beforeAll(async () => {
  const server = createServer((socket) => {
    arrived.push(String(socket.localAddress).replace('::ffff:', ''))
    socket.on('error', () => {}).end()
  })
  sentinel = await listen(server, '::')
  service = await startService({ env: environment() })
  await service.call('PUT', '/v1/policies/corpus', { body: policy({ host: '$' + '{host}' }) })
  for (const [i, host] of [allowed, ...corpus].entries())
    await service.call('PUT', `/v1/policies/corpus-${i}`, { body: { ...policy({ host }), name: `corpus-${i}` } })
}, 120_000)
afterAll(() => Promise.all([service?.stop(), sentinel?.close()]))

const environment = () => ({
  PORTWARDEN_ALLOW: `${allowed}/32`,
  PORTWARDEN_WEBHOOK_ALLOW: `${allowed}/32`,
  PORTWARDEN_WEBHOOK_RETRY_SECONDS: '1',
  PORTWARDEN_PROBE_TIMEOUT_MS: '1000',
  PORTWARDEN_AUDITS_PER_MINUTE: '100000',
})
const policy = (more: object) => ({
  name: 'corpus',
  title: 'Where a connect would be noticed',
  parameters: { host: { type: 'host', default: allowed } },
  rules: [
    {
      id: 'look',
      title: 'look',
      severity: 'low',
      direction: 'inbound',
      from: ['client'],
      probe: 'tcp',
      port: sentinel.port,
      expect: { state: ['open'] },
      ...more,
    },
  ],
})

/** Sends every spelling, and gives those that were taken; each must be refused, or come to nothing. */
async function offer(hosts: string[], send: (host: string, index: number) => Promise<number>): Promise<number> {
  let taken = 0
  for (let at = 0; at < hosts.length; at += 10) {
    const part = hosts.slice(at, at + 10)
    const statuses = await Promise.all(part.map((host, i) => send(host, at + i)))
    for (const [i, status] of statuses.entries()) expect([200, 201, 202, 400, 404, 414, 422], part[i]).toContain(status)
    taken += statuses.filter((status) => status < 300).length
  }
  return taken
}

const audit = async (body: object) =>
  (await service.call('POST', '/v1/audits', { body, headers: { prefer: 'wait=15' } })).status
const targetNamed = (address: string, index: number) => ({ name: `t${index}`, address })

const entryPoints: Record<string, (host: string, index: number) => Promise<number>> = {
  'the address of a target that comes with an audit': (host, i) =>
    audit({ policy: 'plain', targets: [targetNamed(host, i)] }),
  'PUT /v1/targets': async (address, i) => {
    const { status } = await service.call('PUT', `/v1/targets/put${i}`, { body: { address } })
    return status < 300 ? audit({ policy: 'plain', targets: [`put${i}`] }) : status
  },
  'POST /v1/targets': async (address, i) => {
    const { status } = await service.call('POST', '/v1/targets', { body: { name: `post${Date.now()}-${i}`, address } })
    return status
  },
  'PATCH /v1/targets': async (address, i) => {
    await service.call('PUT', `/v1/targets/patch${i}`, { body: { address: allowed } })
    const { status } = await service.call('PATCH', `/v1/targets/patch${i}`, { body: { address } })
    return status < 300 ? audit({ policy: 'plain', targets: [`patch${i}`] }) : status
  },
  'a parameter of the type host': (host) =>
    audit({ policy: 'corpus', targets: [{ name: 'there', address: allowed }], params: { host } }),
  "a policy's own host": async (host) => {
    const i = [allowed, ...corpus].indexOf(host)
    return audit({ policy: `corpus-${i}`, targets: [{ name: 'there', address: allowed }] })
  },
  '/probe?target=': async (host) => {
    const target = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
    const query = new URLSearchParams({ target: `${target}:${sentinel.port}`, module: 'tcp_connect' })
    return (await service.call('GET', `/probe?${query}`)).status
  },
  'the URL of a webhook': async (host, i) => {
    const url = `http://${host.includes(':') && !/[[@/]/.test(host) ? `[${host}]` : host}:${sentinel.port}/${i}`
    const made = await service.call('POST', '/v1/webhooks', { body: { url, events: ['audit.completed'] } })
    if (made.status < 300) await service.call('POST', `/v1/webhooks/${made.body.id}/ping`)
    if (made.status < 300) await tried(made.body.id)
    return made.status
  },
  'the callbackUrl of an audit': (host, i) => {
    const name = host.includes(':') && !/[[@/]/.test(host) ? `[${host}]` : host
    const callbackUrl = `http://${name}:${sentinel.port}/callback`
    return audit({ policy: 'nothing', targets: [{ name: `c${i}`, address: allowed }], callbackUrl })
  },
}

/** Waits until a webhook was tried once. */
async function tried(id: string): Promise<void> {
  const look = async () =>
    (await service.call('GET', `/v1/webhooks/${id}/deliveries`)).body.items[0]?.lastAttempt ?? null
  await expect.poll(look, { timeout: 20_000, interval: 50 }).not.toBeNull()
}

const forbidden = () => arrived.filter((address) => address !== allowed)
const report = (what: string, tries: number, taken: number) =>
  process.stdout.write(
    `${what}: ${tries} spellings tried, ${taken} taken for a host, ${forbidden().length} connects at the sentinel\n`,
  )

test('the corpus has 200 spellings at least', () => {
  expect(corpus.length).toBeGreaterThanOrEqual(200)
})

describe.each(Object.keys(entryPoints))('through %s', (name) => {
  const send = entryPoints[name] as (typeof entryPoints)[string]
  beforeAll(async () => {
    await service.call('PUT', '/v1/policies/plain', { body: { ...policy({}), name: 'plain' } })
    const never = { id: 'look', when: '$' + '{never}' }
    const quiet = { ...policy(never), name: 'nothing', parameters: { never: { type: 'host' } } }
    await service.call('PUT', '/v1/policies/nothing', { body: quiet })
  })

  test('no spelling reaches an address that is not allowed', async () => {
    const taken = await offer(corpus, send)
    report(name, corpus.length, taken)
    expect(forbidden()).toEqual([])
  }, 180_000)

  test.runIf(name !== 'POST /v1/targets')('an allowed address does reach the sentinel', async () => {
    const before = arrived.length
    expect(await offer([allowed], send)).toBe(1)
    await expect.poll(() => arrived.length, { timeout: 20_000 }).toBeGreaterThan(before)
    expect(forbidden()).toEqual([])
  })
})

test('through the canary of a vantage no literal is taken that is not allowed', () => {
  const taken = corpus.filter((host) => {
    try {
      readConfig({
        PORTWARDEN_ALLOW: `${allowed}/32`,
        PORTWARDEN_CANARY: host.includes(':') ? `[${host}]:9` : `${host}:9`,
      })
      return true
    } catch {
      return false
    }
  })
  expect(taken.filter((host) => !/^[a-z]/i.test(host))).toEqual([])
})

const command = fileURLToPath(new URL('../../src/cli/audit.ts', import.meta.url))

test('through npm run audit no spelling reaches an address that is not allowed, and an allowed one does', async () => {
  const env = {
    ...{ PATH: process.env.PATH, DATABASE_URL: service.url, ...environment() },
    PORTWARDEN_LEDGER_KEY: ledgerKey,
    PORTWARDEN_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
  }
  const look = (hosts: string[]) => run(process.execPath, [command, ...hosts, '--policy', 'plain'], { env })
  // NUL cannot be in an argument.
  const sayable = corpus.filter((host) => !host.includes('\0') && !host.startsWith('-'))
  expect((await look(sayable)).code).toBe(2)
  const { code, stderr } = await look(sayable.filter(isHost))
  expect([code, stderr]).toEqual([2, ''])
  report('npm run audit', sayable.length, sayable.filter(isHost).length)
  expect(forbidden()).toEqual([])
  const before = arrived.length
  await look([allowed])
  expect(arrived.length).toBeGreaterThan(before)
  expect(forbidden()).toEqual([])
})
