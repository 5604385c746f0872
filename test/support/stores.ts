import { v7 as newUuid } from 'uuid'
import type { PolicyDocument } from '../../src/domain/policy/policy.ts'
import { createAuditEnding, type EndAudit } from '../../src/operations/audits/end.ts'
import type { NewFinding } from '../../src/store/audits/record-findings.ts'
import { type Codes, loadCodes } from '../../src/store/db/codes.ts'
import { type Database, openDatabase } from '../../src/store/db/database.ts'
import { createStores, createTransact, type Stores, type Transact } from '../../src/store/db/stores.ts'
import { createTestDatabase } from './database.ts'
import { query } from './database-server.ts'
import { ledgerKeys } from './ledger.ts'
import { throughPooler } from './pooler.ts'

export interface TestStores extends Stores {
  url: string
  db: Database
  codes: Codes
  transaction: Transact
  endAudit: EndAudit
  now(): Date
  /** The rows of a statement, on a separate connection. */
  query<Row extends object>(statement: string): Promise<Row[]>
  close(): Promise<void>
}

/** The stores on a new database. */
export async function openTestStores({ connections = 8 } = {}): Promise<TestStores> {
  const { url, drop } = await createTestDatabase()
  const stores = await openTestStoresOn(url, { connections })
  return {
    ...stores,
    async close() {
      await stores.close()
      await drop()
    },
  }
}

/** The stores of another process on an existing database, which it keeps. */
export async function openTestStoresOn(url: string, { connections = 8 } = {}): Promise<TestStores> {
  const { db, transaction, close } = openDatabase(throughPooler(url), { connections })
  const codes = await loadCodes(db)
  const transact = createTransact({ transaction }, codes, { keys: ledgerKeys })
  return {
    ...createStores(db, codes, { keys: ledgerKeys }),
    url,
    db,
    codes,
    transaction: transact,
    endAudit: createAuditEnding({ transaction: transact }),
    now: () => new Date(),
    query: (statement) => query(url, [statement]),
    close,
  }
}

/** A policy of these rules, each of which expects an open port. */
export const policyOf = (name: string, ...rules: string[]): PolicyDocument => ({
  name,
  title: name,
  rules: rules.map((id) => ({
    id,
    title: id,
    severity: 'low',
    direction: 'inbound',
    from: ['client'],
    probe: 'tcp',
    port: 1,
    expect: {},
  })),
})

/** Ordered audit ids, a millisecond apart. */
export function auditIds(count: number): string[] {
  const startedAt = Date.now() - count
  return Array.from({ length: count }, (_, i) => newUuid({ msecs: startedAt + i }))
}

/** A running audit of these targets with one batch, by default of the same policy. */
export async function startAudit(
  stores: Stores,
  { id, targetIds = [], policy = policyOf('p', 'r'), total = 0 }: AuditSettings = {},
): Promise<{ auditId: string; batchId: number }> {
  const auditId = id ?? (await stores.audits.newIds(1)).ids[0] ?? ''
  const { stored } = await stores.policies.put(policy)
  const order = { targetIds, policyId: stored.id, vantages: [], params: {}, trigger: 'test', requestedBy: 'test' }
  await stores.audits.create({ ...order, id: auditId })
  const [batchId = -1] = await stores.batches.create([
    { auditId, vantage: 'local', vantageId: await localVantage(stores), rules: [], checks: [] },
  ])
  await stores.audits.start(auditId, { total, batches: 1 })
  return { auditId, batchId }
}

/** The id of the vantage `local`, which it makes where there is none. */
async function localVantage({ vantages }: Stores): Promise<number> {
  const find = async () => (await vantages.ids(['local'])).get('local')
  const known = await find()
  if (known !== undefined) return known
  await vantages.announce({ name: 'local', zones: [] })
  return (await find()) ?? -1
}

interface AuditSettings {
  id?: string
  targetIds?: number[]
  policy?: PolicyDocument
  total?: number
}

/** Creates targets, and the series of all targets and rules at vantage `local`. */
export async function makeSeries(
  stores: Stores,
  targets: readonly string[],
  rules: readonly string[] = ['r'],
): Promise<{ targetId: number; seriesId: number; target: string; rule: string }[]> {
  await stores.targets.save(targets.map((name) => ({ name, address: '127.0.0.1' })))
  const stored = await stores.targets.findByNames(targets)
  const keys = targets.flatMap((target) =>
    rules.map((rule) => ({
      target,
      rule,
      targetId: stored.find(({ name }) => name === target)?.id ?? -1,
      vantage: 'local',
    })),
  )
  const made = await stores.ensureSeries('p', keys)
  return keys.map(({ target, rule, targetId }, i) => ({ target, rule, targetId, seriesId: made[i]?.seriesId ?? -1 }))
}

/** A finding of a series at this millisecond of a day, by default passed. */
export const finding = (
  { targetId, seriesId }: { targetId: number; seriesId: number },
  atMs: number,
  more: Partial<NewFinding> = {},
): NewFinding => ({
  targetId,
  seriesId,
  observedAt: at(atMs),
  result: 'pass',
  state: 'open',
  reason: 'as-expected',
  latencyMs: 1,
  attempts: 1,
  indirect: false,
  evidence: null,
  ...more,
})

/** This many milliseconds into a past day. */
export const at = (ms: number): Date => new Date(Date.UTC(2026, 0, 1) + ms)
