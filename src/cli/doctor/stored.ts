import type { LedgerKeys } from '../../domain/ledger.ts'
import { isAbsent } from '../../domain/vantages/presence.ts'
import type { Database } from '../../store/db/database.ts'
import type { Stores } from '../../store/db/stores.ts'
import { createLedgerStore, hasLedger } from '../../store/ledger/entries.ts'
import { eachPage } from '../../store/query/cursor-page.ts'
import { type Check, type Checks, fail, ok, warn } from './check.ts'

/** So many of the newest entries are verified; `portwarden ledger verify` checks all. */
const newestEntries = 1_000

/** Whether the newest entries of the ledger verify with the keys of this process. */
export async function checkLedger(db: Database, keys: LedgerKeys | undefined, dataDir: string): Promise<Check> {
  if (!keys)
    return (await hasLedger(db))
      ? fail('ledger', `there is no key of it in ${dataDir}: restore ledger.key, or set PORTWARDEN_LEDGER_KEY`)
      : ok('ledger', 'none yet: the first start begins it')
  const ledger = createLedgerStore(db, keys)
  const head = await ledger.head()
  if (!head) return ok('ledger', 'none yet: the first start begins it')
  const from = Math.max(1, head.seq - newestEntries + 1)
  const found = await ledger.verify({ from, limit: newestEntries })
  if (found?.broken) return fail('ledger', `entry ${found.broken.seq}: ${found.broken.message}`)
  const other = found?.unverified[0]
  if (other)
    return fail(
      'ledger',
      `entries from ${other.firstSeq} on were signed by the key ${other.keyId}, which is not configured: add it to PORTWARDEN_LEDGER_KEY`,
    )
  return ok('ledger', `the newest ${found?.entries} of ${head.seq} entries are intact`)
}

/** Checks vantages and schedules as they are stored. */
export async function* checkWork(stores: Stores, now: Date): Checks {
  const vantages = await stores.vantages.states()
  if (vantages.length === 0) yield warn('vantages', 'none has ever worked: start the service, or an agent')
  for (const { name, kind, lastSeenAt, canary, lagSeconds } of vantages) {
    const label = `vantage ${name}`
    if (isAbsent({ kind, lastSeenAt }, now))
      yield warn(
        label,
        `the ${kind} was ${lastSeenAt ? `last seen ${lastSeenAt.toISOString()}` : 'never seen'}: start it, or remove the vantage`,
      )
    else if (canary === 'offline')
      yield fail(label, `the ${kind} reaches none of its canaries: its findings are unknown`)
    else if (lagSeconds > slowSeconds)
      yield warn(label, `work waits for ${Math.round(lagSeconds)} s: add workers or batches`)
  }
  yield checkZones(
    await demandedZones(stores),
    vantages.filter((one) => !isAbsent(one, now)),
  )
  const lagSeconds = await stores.schedules.lagSeconds(now)
  yield lagSeconds > slowSeconds
    ? warn('schedules', `a run is due since ${Math.round(lagSeconds)} s: no process of the service starts it`)
    : ok('schedules', 'no run is overdue')
}

const slowSeconds = 60

/** The zones from which the policies of enabled schedules want to see their flows. */
async function demandedZones({ schedules, policies }: Stores): Promise<Set<string>> {
  const zones = new Set<string>()
  for await (const page of eachPage(schedules.list)) {
    const names = new Set(page.filter(({ enabled }) => enabled).map(({ audit }) => audit.policy))
    for (const name of names) {
      const policy = await policies.find(name)
      for (const { from, unlike } of policy?.document.rules ?? [])
        for (const zone of [...from, ...(unlike?.from ?? [])]) zones.add(zone)
    }
  }
  return zones
}

function checkZones(demanded: Set<string>, vantages: readonly { zones: string[] }[]): Check {
  const served = new Set(vantages.flatMap(({ zones }) => zones))
  const missing = [...demanded].filter((zone) => !served.has(zone)).sort()
  if (missing.length === 0) return ok('zones', 'each zone that a schedule needs has a vantage')
  return warn(
    'zones',
    `no vantage is in ${missing.join(', ')}: the checks of schedules from there are not made; add an agent`,
  )
}
