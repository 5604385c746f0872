import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Bench } from './main.ts'
import { figure, residentMb } from './measure.ts'
import { startService } from './service.ts'

const wanted = 5_000
const seconds = Number(process.env.PORTWARDEN_BENCH_SECONDS ?? 30)

interface Load {
  perSecond: number
  failed: number
  p50Ms: number
  p99Ms: number
}

/** Reads of one target by 64 clients, at most the wanted rate, and the growth of memory. */
export const measureReads: Bench = async (dataDir) => {
  const service = await startService(dataDir, { PORTWARDEN_REQUESTS_PER_MINUTE: '10000000' }, 'api')
  try {
    const headers = { authorization: `Bearer ${service.key}`, 'content-type': 'application/json' }
    const body = JSON.stringify({ name: 'epp-01', address: '127.0.0.1' })
    await fetch(`${service.url}/v1/targets`, { method: 'POST', headers, body })
    const load = async (path: string, forSeconds: number) => {
      const argv = [
        join(import.meta.dirname, 'load.ts'),
        service.url + path,
        service.key,
        '64',
        String(wanted),
        String(forSeconds),
      ]
      return JSON.parse((await promisify(execFile)(process.execPath, argv)).stdout) as Load
    }
    await load('/v1/targets/epp-01', Math.min(5, seconds)) // compiles what requests need before memory is measured
    const before = await residentMb(service.pid)
    const target = await load('/v1/targets/epp-01', seconds)
    const after = await residentMb(service.pid)
    const alive = await load('/livez', Math.min(10, seconds))
    return [
      figure(`a target, for ${seconds} s`, target.perSecond, '/s', `≥ ${wanted}`),
      figure('a target, p50', target.p50Ms, 'ms'),
      figure('a target, p99', target.p99Ms, 'ms'),
      figure('reads that were no 200', target.failed + alive.failed, '', '0'),
      figure('resident memory, growth', after - before, 'MB', '< 30'),
      figure('liveness, without a database query', alive.perSecond, '/s', `≥ ${wanted}`),
    ]
  } finally {
    await service.stop()
  }
}
