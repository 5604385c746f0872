import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ConflictError, NotReadyError } from '../../../src/domain/errors.ts'
import { bindKeyOf } from '../../../src/domain/seals.ts'
import type { BindClaim } from '../../../src/domain/vantages/binds.ts'
import { claimBind } from '../../../src/operations/vantages/binds.ts'
import { startTestApp, startTestAppOn, type TestApp } from '../../support/app.ts'
import { ledgerKey } from '../../support/ledger.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app?.stop())

const claimant = { auditId: '019b7600-0000-7000-8000-000000000001', vantage: 'north' }
const directory = { host: 'dc1.lab.test', port: 389, waitMs: 0, leaseMs: 60_000 }
/** A claim with digests that the key of an app has made. */
const claimWith = ({ stores }: Pick<TestApp, 'stores'>, digit: string): BindClaim => ({
  ...{ accounts: [digit.repeat(64)], credential: digit.repeat(64), key: bindKeyOf(stores.binds.salt()) },
  ...directory,
})

test('no bind is permitted after the end of the request, although the client still waits for a response', async () => {
  const holder = new Client(app.url)
  await holder.connect()
  await holder.query(`SELECT pg_advisory_lock(hashtextextended('portwarden binds', 0))`)
  const closing = new AbortController()
  const decision = claimBind(app, claimant, claimWith(app, 'a'), closing.signal).catch((error: unknown) => error)
  const waiting = `SELECT FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()`
  while ((await app.query(waiting)).length === 0);
  closing.abort()
  await holder.end()
  expect(await decision).toBeInstanceOf(NotReadyError)
  expect(await app.query('SELECT FROM bind_attempt')).toEqual([])
})

test('a refusal is not forgotten where another process, or the same one later, has no longer the oldest ledger key', async () => {
  const newKey = 'another key of the ledger for tests'.replaceAll(' ', '-')
  const both = await startTestAppOn(app.url, { PORTWARDEN_LEDGER_KEY: `${newKey} ${ledgerKey}` })
  const rotated = await startTestAppOn(app.url, { PORTWARDEN_LEDGER_KEY: newKey })
  try {
    const inAudit = { auditId: '019b7600-0000-7000-8000-000000000002', vantage: 'north' }
    const first = await claimBind(both, inAudit, claimWith(both, 'b'))
    if (!first.permitted) throw new Error('the first bind is not permitted')
    const running = await claimBind(rotated, inAudit, claimWith(rotated, 'd'))
    expect(running).toMatchObject({ permitted: false, isRunning: true })
    await both.stores.binds.settle({ id: first.id, vantage: 'north' }, { outcome: 'refused' })
    const auditId = '019b7600-0000-7000-8000-000000000003'
    for (const claimant of [inAudit, { auditId, vantage: 'north' }])
      expect(await claimBind(rotated, claimant, claimWith(rotated, 'd'))).toMatchObject({
        ...{ permitted: false, isRunning: false, reason: 'credential-withheld' },
      })
    expect(await claimBind(both, { auditId, vantage: 'north' }, claimWith(both, 'e'))).toMatchObject({
      permitted: true,
    })
    await expect(claimBind(rotated, inAudit, claimWith(both, 'b'))).rejects.toThrow(ConflictError)
  } finally {
    await rotated.stop()
    await both.stop()
  }
})
