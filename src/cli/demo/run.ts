import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { closeWithin } from '../../api/http/drain.ts'
import { type App, startApp } from '../../app/app.ts'
import { openLog } from '../../app/log.ts'
import { serve } from '../../app/serve.ts'
import { type Config, readConfig } from '../../config/index.ts'
import { putPolicy } from '../../operations/policies/put.ts'
import { createSchedule } from '../../operations/schedules/create.ts'
import { createTarget } from '../../operations/targets/create.ts'
import { startEmbedded } from '../../store/db/embedded/index.ts'
import { type MovedClock, openMovedClock } from '../../store/demo/moved-clock.ts'
import { say } from '../command.ts'
import { network, openEndpoints, policyOf, targets, vantages } from './estate.ts'
import { createListeners, type Listeners } from './listeners.ts'

/** Serves the console with so many nights of history until a signal. */
export async function run(nights: number): Promise<number> {
  const stopping = new AbortController()
  const stopped = signalled().then(() => stopping.abort())
  await using opened = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'portwarden-demo-'))
  opened.defer(() => rm(dataDir, { recursive: true, force: true }))
  const database = await startEmbedded({ dataDir, exclusive: true })
  opened.defer(database.stop)
  const clock = await openMovedClock(database.url)
  opened.defer(clock.close)
  const listeners = createListeners()
  opened.defer(listeners.close)

  const config = configOf(dataDir, database.url)
  const first = firstNight(nights)
  await clock.moveTo(new Date(first.getTime() - dayMs))
  const app = await startApp(config, { exclusive: true, log: openLog('error'), clocks: clock.local })
  opened.defer(app.close)
  await app.work()
  say(`Recording ${nights} nights of 200 synthetic servers`)
  await recordHistory({ app, clock, listeners, signal: stopping.signal }, { nights, first })
  if (stopping.signal.aborted) return 0

  const { server, url, signInLink } = await serve(app, config)
  opened.defer(() => closeWithin(server, 1_000))
  say(`Portwarden demo at ${url}`)
  say(`Console, signs in once within 10 minutes: ${signInLink}`)
  await stopped
  return 0
}

/** Of so many nights, of which the last one is over. */
function firstNight(nights: number): Date {
  const night = new Date()
  night.setUTCHours(2, 0, 0, 0)
  if (night > new Date()) night.setUTCDate(night.getUTCDate() - 1)
  night.setUTCDate(night.getUTCDate() - nights + 1)
  return night
}

const dayMs = 86_400_000
const actor = 'demo'
const policyChange = 0.5

const configOf = (dataDir: string, databaseUrl: string): Config =>
  readConfig({
    PORT: process.env.PORT ?? '8080',
    PORTWARDEN_DATA_DIR: dataDir,
    DATABASE_URL: databaseUrl,
    PORTWARDEN_VANTAGE: Object.keys(vantages).join(','),
    PORTWARDEN_ZONES: Object.entries(vantages)
      .map(([name, zone]) => `${name}=${zone}`)
      .join(';'),
    PORTWARDEN_ALLOW: `${network}.0.0/16`,
    PORTWARDEN_TRACES: 'requests',
  })

interface Parts {
  app: App
  clock: MovedClock
  listeners: Listeners
  /** Ends it before all nights are recorded. */
  signal: AbortSignal
}

/** Lets the schedule of each night run at its time, with the ports of that night. */
async function recordHistory(
  { app, clock, listeners, signal }: Parts,
  { nights, first }: { nights: number; first: Date },
) {
  await putPolicy(app, policyOf(1), { actor, isExpected: () => true })
  for (const target of targets) await createTarget(app, target, { actor })
  const audit = { policy: policyOf(1).name, targets: { labels: {} } }
  const schedule = { name: 'nightly', cron: '0 2 * * *', timeZone: 'UTC', audit, jitterSeconds: 0, enabled: true }
  await createSchedule(app, { ...schedule, overlap: 'skip', missed: 'once' }, { actor })
  for (const [night, endpoints] of openEndpoints(nights).entries()) {
    if (signal.aborted) return
    await listeners.open(endpoints)
    await clock.moveTo(new Date(first.getTime() + night * dayMs))
    if (night === Math.floor(nights * policyChange))
      await putPolicy(app, policyOf(2), { actor, isExpected: () => true })
    for (const name of Object.keys(vantages)) await app.stores.vantages.touch(name)
    await app.scheduler.tick(app.now())
    await allEnded(app)
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${night + 1} of ${nights} nights`)
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  await clock.moveTo(new Date())
  for (const name of Object.keys(vantages)) await app.stores.vantages.touch(name)
  await clock.settle()
}

async function allEnded({ stores, notifications }: App): Promise<void> {
  for (;;) {
    const { items } = await stores.audits.list({ limit: 1 })
    const [newest] = items
    if (!newest || newest.finishedAt !== null) return
    await notifications.waitForEnd(newest.id, 200)
  }
}

const signalled = () =>
  new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => resolve())
  })
