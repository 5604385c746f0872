import { slownesses, timeBeside, timeRequests } from '../test/support/slow-clients.ts'
import type { Bench } from './main.ts'
import { figure } from './measure.ts'
import { startService } from './service.ts'

const count = 1_000

/** The duration of `/livez` beside each kind of slow clients. */
export const measureSlowClients: Bench = async (dataDir) => {
  const service = await startService(dataDir, {}, 'api')
  try {
    await timeRequests(`${service.url}/livez`, 20) // warm
    const figures = []
    for (const [what, how] of Object.entries(slownesses)) {
      const { p99Ms } = await timeBeside(service, { count, how })
      figures.push(figure(`/livez beside ${count} clients that ${what}, p99`, p99Ms, 'ms', '< 500'))
    }
    return figures
  } finally {
    await service.stop()
  }
}
