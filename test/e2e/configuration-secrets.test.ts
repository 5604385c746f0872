import { randomBytes } from 'node:crypto'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServiceProcess, unique } from '../support/commands.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { query } from '../support/database-server.ts'
import { dumpRows } from '../support/dump-rows.ts'
import { everyResponse } from '../support/every-response.ts'
import { startRelay } from '../support/relay.ts'
import { findSecrets } from '../support/secret-forms.ts'
import { makeTempDir, type TempDir } from '../support/temp-dir.ts'

// Without a character that a URL writes in another way: the driver reads it decoded.
const password = `pw${randomBytes(16).toString('hex')}`
const role = `canary_${randomBytes(6).toString('hex')}`
const bindPassword = unique('bind')
const token = `eyJhbGciOiJFUzI1NiJ9.${Buffer.from(unique('claims')).toString('base64url')}.${randomBytes(32).toString('base64url')}`
/** Not a secret: proves that the searched text is the right one. */
const mark = unique('mark')

const outputs: Record<'log' | 'responses' | 'rows', string | Buffer> = { log: '', responses: '', rows: '' }
let secrets: Record<string, string>
let database: TestDatabase
let files: TempDir
beforeAll(async () => {
  database = await createTestDatabase()
  files = await makeTempDir('secrets')
  await query(database.url, [`CREATE ROLE ${role} SUPERUSER LOGIN PASSWORD '${password}'`])
  await useService()
  outputs.rows = await dumpRows(database.url)
})
afterAll(async () => {
  await query(database.url, [`DROP ROLE IF EXISTS ${role}`])
  await database.drop()
  await files.remove()
})

/** The real program at its most verbose, with valid and invalid requests, with its database, without it, and with it again. */
async function useService() {
  const relay = await startRelay(Object.assign(new URL(database.url), { username: role, password }).href)
  const file = join(files.path, 'database-url')
  await writeFile(file, `${relay.url}\n`)
  await chmod(file, 0o400)
  const service = await startServiceProcess('', {
    DATABASE_URL_FILE: file,
    PORTWARDEN_LOG_LEVEL: 'trace',
    BIND: JSON.stringify({ user: 'svc', password: bindPassword }),
    PORTWARDEN_CREDENTIALS: 'env:BIND@127.0.0.0/8',
    PORTWARDEN_ZONES: 'server',
  })
  const { key } = service
  const made = await service.call('/v1/keys', post({ name: mark, scopes: ['reports:read'] }))
  // The one response that must hold a secret: that of the new key, once.
  const newKey = ((await made.json()) as { key: string }).key
  secrets = { key, newKey, password, bindPassword, token }
  const secretOf = (text: string) => text.replace(/^pw_[0-9a-f]+_/, '') // it may hold a `_`
  Object.assign(secrets, { keySecret: secretOf(key), newKeySecret: secretOf(newKey) })

  const texts: string[] = []
  const ask = async (path: string, init: RequestInit = {}, authorization?: string) => {
    const headers = { ...(init.headers as Record<string, string>), ...(authorization && { authorization }) }
    const response = await service.call(path, { ...init, headers })
    texts.push(`${response.status} ${[...response.headers].join('\n')}\n${await response.text()}`)
    return response.status
  }
  const audit = {
    policy: 'netwrix-endpoint-protector',
    targets: [{ name: mark, address: '127.0.0.1' }],
    params: { domainController: '127.0.0.1', ldapPort: 1, ldapCredential: 'env:BIND' },
    correlationId: mark,
  }
  for (const expected of [1, 2]) {
    const status = await ask('/v1/audits', { ...post(audit), headers: { ...post({}).headers, prefer: 'wait=15' } })
    expect([expected, status]).toEqual([expected, 200])
  }
  const ids = ((await (await service.call('/v1/audits')).json()) as { items: { id: string }[] }).items.map(
    ({ id }) => id,
  )
  texts.push(await everyResponse(service.call, { from: `audit:${ids.at(-1)}`, to: `audit:${ids[0]}` }))

  await sendBadRequests(ask, { key, newKey })
  relay.cut()
  expect(await ask('/readyz')).toBe(503)
  expect(await ask('/v1/targets')).toBe(503)
  expect(await ask('/v1/audits', post(audit))).toBe(503)
  relay.mend()
  expect(await ask('/readyz')).toBe(200)
  await service.stop()
  await relay.stop()
  outputs.log = service.log()
  outputs.responses = texts.join('\n')
}

const post = (body: object | string) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: typeof body === 'string' ? body : JSON.stringify(body),
})

/** Secrets where they do not belong, and where they do with something else that is wrong. */
async function sendBadRequests(
  ask: (path: string, init?: RequestInit, authorization?: string) => Promise<number>,
  { key, newKey }: { key: string; newKey: string },
) {
  const statuses = [
    await ask('/v1/targets', {}, `Bearer ${token}`),
    await ask('/v1/targets', {}, `Basic ${Buffer.from(`svc:${newKey}`).toString('base64')}`),
    await ask('/v1/targets', {}, `Bearer ${key}x`),
    await ask('/v1/targets', post({ name: 'x', address: '127.0.0.1' }), `Bearer ${newKey}`),
    await ask(`/v1/targets?key=${key}`, {}, 'none'),
    await ask(`/v1/targets?access_token=${token}`),
    await ask(`/nothing/${newKey}`),
    await ask('/v1/targets', post(`{"key": ${key}}`)),
    await ask('/v1/targets', post(`${key}`)),
    await ask('/v1/targets', { method: 'POST', headers: { 'content-type': `text/${newKey}` }, body: 'x' }),
    await ask(`/v1/targets?cursor=${key}`),
  ]
  expect(statuses.every((status) => status >= 400 && status < 500)).toBe(true)
}

test.each(['log', 'responses', 'rows'] as const)('no secret of the configuration and no key is in the %s', (output) => {
  const held = outputs[output]
  const text = typeof held === 'string' ? Buffer.from(held) : held
  expect(text.includes(mark), 'it has what must be there').toBe(true)
  expect(findSecrets(text, secrets)).toEqual([])
})

test('they would be found', () => {
  expect(findSecrets(Buffer.from(JSON.stringify({ password })), secrets)).toContain('password: plain')
})
