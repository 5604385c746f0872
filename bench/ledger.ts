import { v7 as newUuid } from 'uuid'
import type { Change } from '../src/domain/ledger.ts'
import { digestFindings } from '../src/store/audits/findings-digest.ts'
import { loadCodes } from '../src/store/db/codes.ts'
import { ensurePartitions } from '../src/store/db/partitions.ts'
import { createTransact } from '../src/store/db/stores.ts'
import { ensureLedgerKeys } from '../src/store/ledger/key-file.ts'
import type { Figure } from './main.ts'
import { figure } from './measure.ts'
import { makeSeries, openOwnStores } from './stores.ts'

const entries = Number(process.env.PORTWARDEN_BENCH_ENTRIES ?? 1_000_000)
const writers = 10
const entriesPerFill = 10_000

/** The cost of the ledger for changes, for ends of audits, and for verification. */
export async function measureLedger(dataDir: string): Promise<Figure[]> {
  const stores = await openOwnStores(dataDir)
  try {
    const codes = await loadCodes(stores.db)
    await ensurePartitions(stores.db)
    const keys = ensureLedgerKeys(dataDir)
    const transaction = createTransact(
      { transaction: (work) => stores.db.$transaction(work, { timeout: 600_000 }) },
      codes,
      { keys },
    )
    const change: Change = {
      actor: '0123456789ab',
      action: 'target.change',
      subject: 'epp-01',
      payload: { address: '10.0.0.5' },
    }

    const appended = await rate(2_000, () => transaction(async ({ ledger }) => ledger.record(change)))
    const plain = await rate(2_000, (i) =>
      transaction(({ idempotency }) =>
        idempotency.claim({ apiKeyId: 'bench', key: `${i}`, bodyDigest: '', resource: '' }),
      ),
    )
    const { stored } = await stores.policies.put({ name: 'p', title: 'p', rules: [] })
    const ids: string[] = []
    for (let i = 0; i < 1_000; i += 1) {
      const id = newUuid()
      ids.push(id)
      const request = { trigger: 'bench', requestedBy: 'bench', params: {}, vantages: [], targetIds: [] }
      await stores.audits.create({ id, policyId: stored.id, ...request })
    }
    const ended = await rate(ids.length, (i) => stores.endAudit({ id: ids[i] ?? '' }))

    const targets = Array.from({ length: 10_000 }, (_, i) => ({ name: `t-${i}`, address: '127.0.0.1' }))
    const series = await makeSeries(stores, 'p', targets, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    const auditId = newUuid()
    const request = { trigger: 'bench', requestedBy: 'bench', params: {}, vantages: [], targetIds: [] }
    await stores.audits.create({ id: auditId, policyId: stored.id, ...request })
    for (let i = 0; i < series.length; i += 1_000) {
      const findings = series.slice(i, i + 1_000).map(({ targetId, seriesId, port }) => ({
        ...{ targetId, seriesId, observedAt: new Date(), latencyMs: 1, attempts: 1, indirect: false },
        ...({ result: 'pass', state: 'open', reason: 'as-expected' } as const),
        evidence: { probe: 'tcp', host: '127.0.0.1', port, addresses: {} } as const,
      }))
      await stores.record({ auditId, batchId: null, findings })
    }
    const digestMs = await elapsed(() => digestFindings(stores.db, auditId))
    await stores.endAudit({ id: auditId })

    const seq = (await stores.ledger.head())?.seq ?? 0
    for (let n = seq; n < entries; n += entriesPerFill) {
      await transaction(async ({ ledger }) => {
        for (let i = 0; i < Math.min(entriesPerFill, entries - n); i += 1) ledger.record(change)
      })
    }
    global.gc?.()
    const before = process.memoryUsage().rss
    let peak = before
    const watch = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage().rss)
    }, 100)
    const verifyMs = await elapsed(async () => {
      const found = await stores.ledger.verify({ from: 1, limit: Number.POSITIVE_INFINITY })
      if (found?.verdict !== 'intact') throw new Error(JSON.stringify(found))
    })
    clearInterval(watch)
    return [
      figure(`appends, ${writers} concurrently`, appended, '/s'),
      figure(`transactions without it, ${writers} concurrently`, plain, '/s'),
      figure(`ends of audits, ${writers} concurrently`, ended, '/s', '≥ 200'),
      figure('digest over 100,000 findings', digestMs, 'ms'),
      figure(`verifying ${entries} entries`, verifyMs / 1000, 's'),
      figure('memory that verifying takes', (peak - before) / 1e6, 'MB', '< 100'),
    ]
  } finally {
    await stores.close()
  }
}

/** How often `work` completes per second, with concurrent writers. */
async function rate(count: number, work: (i: number) => Promise<unknown>): Promise<number> {
  let next = 0
  const ms = await elapsed(() =>
    Promise.all(
      Array.from({ length: writers }, async () => {
        while (next < count) await work(next++)
      }),
    ),
  )
  return (count / ms) * 1000
}

async function elapsed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}
