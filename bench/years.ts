import { randomNumbers } from '../src/runtime/random-numbers.ts'
import type { Bench, Figure } from './main.ts'
import { figure, percentile, timeMs } from './measure.ts'
import { type Nights, openNights } from './nights.ts'
import { type Service, startService } from './service.ts'
import { type OwnStores, openOwnStores } from './stores.ts'

const targets = 10_000
const fewer = 10
const hourMs = 3_600_000

/** Reports over HTTP on years of nightly audits and on a tenth of them, and the cost of recording and storing them. */
export const measureYears: Bench = async (dataDir) => {
  const nightCount = Number(process.env.PORTWARDEN_BENCH_NIGHTS ?? 365)
  const stores = await openOwnStores(dataDir)
  try {
    const history = await openNights(stores, { targets, nights: nightCount })
    const loaded = await history.load(Math.round(nightCount / fewer), publish)
    const few = await measureReports(dataDir, stores, loaded)
    const all = await history.load(nightCount, publish)
    const many = await measureReports(dataDir, stores, all)
    return [...recording(all), ...(await sizes(stores, all)), ...compared(few, many, [loaded, all])]
  } finally {
    await stores.close()
  }
}

const publish = (done: number) => {
  if (done % 30 === 0) console.error(`years: ${done} nights recorded`)
}

function recording({ findings, recordingMs }: Nights): Figure[] {
  const value = findings / (recordingMs / 1000)
  return [figure('recording', value, 'findings/s', '≥ 20000')]
}

async function sizes({ db }: OwnStores, { findings }: Nights): Promise<Figure[]> {
  const [size] = await db.$queryRaw<{ findings: number; spans: number }[]>`
    SELECT (SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'finding'::regclass)::float8 AS findings,
      pg_total_relation_size('span')::float8 AS spans`
  const each = (bytes = Number.NaN) => bytes / findings
  return [
    figure('a finding on disk, with indexes', each(size?.findings), 'B', '≤ 120'),
    figure('spans, for each finding', each(size?.spans), 'B', '≤ 1'),
  ]
}

/** 95th percentiles of response times by report, in milliseconds. */
type ResponseTimes = Record<keyof typeof goals, number>
const goals = {
  'drift between audits': 100,
  'drift between times': 100,
  'history of a target': 10,
  compliance: 500,
  'trend of 90 days': 500,
}

async function measureReports(dataDir: string, { url, db }: OwnStores, loaded: Nights): Promise<ResponseTimes> {
  await db.$executeRaw`VACUUM (ANALYZE) finding, span, audit, evidence, series, target` // as autovacuum does within a day
  const service = await startService(dataDir, { DATABASE_URL: url })
  try {
    const random = randomNumbers(7)
    const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)] as T
    const time = () => new Date(pick(loaded.nights).at.getTime() + hourMs).toISOString() // after the audit of that night
    const audit = () => `audit:${pick(loaded.nights).auditId}`
    const p95 = async (path: () => string, times: number) => {
      for (let i = 0; i < 10; i++) await get(service, path())
      const tookMs: number[] = []
      for (let i = 0; i < times; i++) tookMs.push(await timeMs(() => get(service, path())))
      return percentile(tookMs, 0.95)
    }
    return {
      'drift between audits': await p95(() => `reports/drift?from=${audit()}&to=${audit()}`, 100),
      'drift between times': await p95(() => `reports/drift?from=${time()}&to=${time()}`, 100),
      'history of a target': await p95(() => `targets/${pick(loaded.targets)}/history`, 300),
      compliance: await p95(() => `reports/compliance?at=${time()}&by=${pick(['rule', 'target'])}`, 60),
      'trend of 90 days': await p95(() => `reports/trend?to=${time()}&by=${pick(['policy', 'zone'])}`, 60),
    }
  } finally {
    await service.stop()
  }
}

async function get({ url, key }: Service, path: string): Promise<void> {
  const response = await fetch(`${url}/v1/${path}`, { headers: { authorization: `Bearer ${key}` } })
  const text = await response.text()
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`)
}

function compared(few: ResponseTimes, many: ResponseTimes, [fewNights, allNights]: [Nights, Nights]): Figure[] {
  return (Object.keys(goals) as (keyof ResponseTimes)[]).flatMap((what) => [
    figure(`${what}, p95 by HTTP, ${allNights.nights.length} nights`, many[what], 'ms', `≤ ${goals[what]}`),
    figure(`${what}, p95 by HTTP, ${fewNights.nights.length} nights`, few[what], 'ms', `≤ ${goals[what]}`),
    figure(`${what}, the former over the latter`, many[what] / few[what], '×', '< 1.5'),
  ])
}
