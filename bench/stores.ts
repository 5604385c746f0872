import { createAuditEnding, type EndAudit } from '../src/operations/audits/end.ts'
import { loadCodes } from '../src/store/db/codes.ts'
import { type Database, openDatabase } from '../src/store/db/database.ts'
import { startEmbedded } from '../src/store/db/embedded/index.ts'
import { migrate } from '../src/store/db/migrate.ts'
import { createStores, createTransact, type Stores, type Transact } from '../src/store/db/stores.ts'
import { ensureLedgerKeys } from '../src/store/ledger/key-file.ts'
import { noteRunning } from './running.ts'

/** The stores on a database of their own, to load data that the service then serves. */
export interface OwnStores extends Stores {
  url: string
  db: Database
  transaction: Transact
  endAudit: EndAudit
  close(): Promise<void>
}

/** Starts an embedded PostgreSQL in `dataDir` and opens the stores on it, with as many connections as the service has. */
export async function openOwnStores(dataDir: string): Promise<OwnStores> {
  const server = await startEmbedded({ dataDir, exclusive: true })
  const stop = noteRunning(server.stop)
  await migrate(server.url)
  const { db, transaction, close } = openDatabase(server.url, { connections: 10 })
  const codes = await loadCodes(db)
  const keys = ensureLedgerKeys(dataDir)
  const transact = createTransact({ transaction }, codes, { keys })
  return {
    ...createStores(db, codes, { keys }),
    url: server.url,
    db,
    transaction: transact,
    endAudit: createAuditEnding({ transaction: transact }),
    async close() {
      await close()
      await stop()
    },
  }
}

export interface PortSeries {
  targetId: number
  seriesId: number
  target: string
  address: string
  port: number
}

/** Creates the series of these targets and ports, as planning an audit does. */
export async function makeSeries(
  stores: Stores,
  policy: string,
  targets: readonly { name: string; address: string }[],
  ports: readonly number[],
): Promise<PortSeries[]> {
  await stores.targets.save(targets)
  const ids = new Map((await stores.targets.findByNames(targets.map(({ name }) => name))).map((t) => [t.name, t.id]))
  const perPort = targets.flatMap(({ name, address }) =>
    ports.map((port) => ({ target: name, targetId: ids.get(name) ?? -1, address, port })),
  )
  const series = await stores.ensureSeries(
    policy,
    perPort.map(({ targetId, port }) => ({ targetId, rule: `port-${port}`, vantage: 'local' })),
  )
  return perPort.map((one, i) => ({ ...one, seriesId: series[i]?.seriesId ?? -1 }))
}
