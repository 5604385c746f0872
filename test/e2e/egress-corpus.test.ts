import { isIP } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readConfig } from '../../src/config/index.ts'
import { isHost } from '../../src/domain/findings/endpoint.ts'
import { createCredentials } from '../../src/probes/ldap/credentials.ts'
import { auditCommand, environment, portwarden } from '../support/commands.ts'
import { neverDialled } from '../support/entry-points.ts'
import {
  allowedAddress,
  corpus,
  type GuardedService,
  guardedSettings,
  startGuardedService,
} from '../support/guarded-service.ts'
import { run, spawnPeer } from '../support/processes.ts'
import type { TestService } from '../support/service.ts'
import { makeTempDir } from '../support/temp-dir.ts'
import { textInputs } from '../support/text-inputs.ts'

const agentProgram = portwarden('agent')

let guarded: GuardedService
let service: TestService
beforeAll(async () => {
  guarded = await startGuardedService()
  service = guarded.service
})
afterAll(() => guarded?.stop())

test('the corpus has 200 spellings at least', () => {
  expect(corpus.length).toBeGreaterThanOrEqual(200)
})

test('every field of the API that accepts an address is an entry point', async () => {
  const fields = textInputs((await service.call('GET', '/openapi.json')).body)
  const dialled = fields.filter((field) => !neverDialled.some((pattern) => pattern.test(field)))
  const known = new Set(Object.values(guarded.points).flatMap((point) => point.inputs))
  expect(dialled).toEqual([...known].sort())
})

/** Of each kind of spelling some; egress-corpus.slow.test.ts tries all of them. */
const sample = corpus.filter((_, i) => i % 7 === 0)

test('through no entry point does a spelling reach an address that is not allowed, and an allowed one does', async () => {
  for (const [name, { offer }] of Object.entries(guarded.points)) await guarded.expectGuarded(name, offer, sample)
})

test('through npm run audit none does, and an allowed one does', async () => {
  const env = environment(service.url, {
    ...guardedSettings,
    PORTWARDEN_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
  })
  const [node, ...program] = auditCommand
  const probe = (hosts: readonly string[]) => run(node, [...program, ...hosts, '--policy', 'by-address'], { env })
  // NUL cannot be in an argument.
  const sayable = corpus.filter((host) => !host.includes('\0') && !host.startsWith('-'))
  expect((await probe(sayable)).stderr).toContain('must be an IP address or a host name')
  await guarded.expectGuarded(
    'npm run audit',
    async (hosts) => {
      const taken = hosts.filter(isHost)
      const { stdout, stderr } = await probe(taken)
      expect(stderr).toBe('')
      expect(stdout).toContain('verdict:')
      return taken.length
    },
    sayable,
  )
})

test('through a batch that an agent is given none does, and one that the agent allows does', async () => {
  await service.call('PUT', '/v1/vantages/branch', { body: { zones: ['elsewhere'] } })
  const elsewhere = { ...(await service.call('GET', '/v1/policies/by-address')).body.document, name: 'elsewhere' }
  for (const rule of elsewhere.rules) rule.from = ['elsewhere']
  await service.call('PUT', '/v1/policies/elsewhere', { body: elsewhere })
  const key = await service.stores.keys.create('agent', ['vantage:branch'])
  const spool = await makeTempDir('agent')
  const argv = [...agentProgram, '--server', await service.listen(), '--vantage', 'branch', '--spool', spool.path]
  const env = { PATH: process.env.PATH, PORTWARDEN_AGENT_KEY: key, ...guardedSettings }
  const agent = await spawnPeer(process.execPath, argv, { env, ready: /probes from branch/ })
  try {
    await guarded.expectGuarded('a batch of an agent', async (hosts) => {
      const targets = hosts.filter(isHost).map((address, i) => ({ name: `agent-${i}`, address }))
      const auditId = await service.accept({ policy: 'elsewhere', targets })
      expect(await service.ended(auditId)).toMatchObject({ progress: { done: targets.length }, error: null })
      const results = (await service.findings(auditId)).map(({ vantage, reason }) => `${vantage} ${reason.code}`)
      expect(new Set(results).has('branch no-agent')).toBe(false)
      return targets.length
    })
  } finally {
    await agent.end()
    await spool.remove()
  }
})

const takenAs = (variable: string, spell: (host: string) => string) =>
  corpus.filter((host) => {
    try {
      readConfig({ PORTWARDEN_ALLOW: `${allowedAddress}/32`, [variable]: spell(host) })
      return true
    } catch {
      return false
    }
  })

test('as the canary of a vantage no literal is taken that is not allowed', () => {
  const taken = takenAs('PORTWARDEN_CANARY', (host) => (host.includes(':') ? `[${host}]:9` : `${host}:9`))
  expect(taken.filter((host) => !/^[a-z]/i.test(host))).toEqual([])
})

test('as the destination of a credential only a network is taken that can be read in one way', () => {
  const taken = takenAs('PORTWARDEN_CREDENTIALS', (host) => `env:AD@${host}/${host.includes(':') ? 128 : 32}`)
  expect(taken.filter((host) => !isIP(host))).toEqual([])
  expect(() => readConfig({ PORTWARDEN_CREDENTIALS: 'env:AD@10.0.0.1/8' })).toThrow('PORTWARDEN_CREDENTIALS')
})

test('a credential goes to no spelling of an address that is not among its destinations', async () => {
  const env = { AD: JSON.stringify({ user: 'u', password: 'p' }) }
  const credential = createCredentials([{ ref: 'env:AD', destinations: [`${allowedAddress}/32`] }], env)
  const ask = (address: string) => credential('env:AD', { address })
  const given = (await Promise.all(corpus.map(ask))).filter((response) => response !== 'credential-not-allowed')
  expect(given).toEqual([])
  expect(await ask(allowedAddress)).toMatchObject({ user: 'u' })
  expect(await ask(`::ffff:${allowedAddress}`)).toMatchObject({ user: 'u' })
})
