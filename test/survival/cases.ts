import { join } from 'node:path'
import type { PeerProcess } from '../support/processes.ts'
import type { Stage } from './stage.ts'

const skewedClock = join(import.meta.dirname, '../support/skewed-clock.mjs')
const skewed = (days: number) => ({
  NODE_OPTIONS: `--import=${skewedClock}`,
  TEST_CLOCK_SKEW_MS: String(days * 86_400_000),
})

const firstOf = ({ workers }: Stage): PeerProcess => {
  const worker = workers.shift()
  if (!worker) throw new Error('there is no worker')
  return worker
}
const kill = async (stage: Stage, env: Record<string, string> = {}) => {
  const victim = firstOf(stage)
  process.kill(victim.pid, 'SIGKILL')
  await victim.exited
  await stage.startWorker(env)
}

/** What the service survives. Each begins while audits run; some end what they began before a new audit is requested. */
export const cases: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  'kill -9 of a worker': (stage) => kill(stage),

  async 'kill -9 of the API process'(stage) {
    process.kill(stage.api().pid, 'SIGKILL')
    await stage.replaceApi()
  },

  async 'a worker that is stopped, and goes on while others do its work'(stage) {
    const sleeper = firstOf(stage)
    process.kill(sleeper.pid, 'SIGSTOP')
    await stage.expectRecovered()
    process.kill(sleeper.pid, 'SIGCONT')
    stage.workers.push(sleeper)
  },

  'mass termination of connections': ({ postgres }) => postgres.cutConnections(),

  async 'a crash of the database'({ postgres }) {
    await postgres.crash()
    await postgres.start()
  },

  async 'a failover that ends no connection'({ relay }) {
    relay.fail()
  },

  'a worker whose clock is 65 days ahead': (stage) => kill(stage, skewed(65)),
  'a worker whose clock is 65 days behind': (stage) => kill(stage, skewed(-65)),

  async 'an API process whose clock is 65 days ahead, then right again'(stage) {
    await stage.replaceApi(skewed(65))
    await stage.expectRecovered()
    await stage.replaceApi()
  },
}
