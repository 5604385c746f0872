import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Bench } from './main.ts'
import { figure } from './measure.ts'
import { type Service, startService } from './service.ts'
import { openOwnStores } from './stores.ts'
import { auditAll, callService } from './whole-audit.ts'

const responseMs = 100
const hosts = 4000
/** So few sockets that waiting dominates, and not the processors of this machine. */
const env = { PORTWARDEN_SOCKETS: '20', PORTWARDEN_BATCHES: '1', PORTWARDEN_ALLOW: '127.0.0.0/8' }
const addresses = Array.from({ length: hosts }, (_, i) => `127.3.${i >> 8}.${i & 255}`)

/** Checks per second with one, two and four workers on one database, of peers that respond slowly. */
export const measureWorkers: Bench = async (dataDir) => {
  const peer = spawn(process.execPath, ['bench/slow-ldap.ts', String(responseMs)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const stores = await openOwnStores(dataDir)
  const own = { ...env, DATABASE_URL: stores.url }
  const api = await startService(dataDir, own, 'api')
  const workers: Service[] = []
  try {
    const [port] = await once(peer.stdout, 'data')
    await putPolicy(api, Number(port))
    const rates = new Map<number, number>()
    for (const count of [1, 2, 4]) {
      while (workers.length < count) workers.push(await startService(dataDir, own, 'worker'))
      await auditAll(api, addresses.slice(0, 10), 'slow') // opens the connections of each worker
      const { tookMs } = await auditAll(api, addresses, 'slow')
      rates.set(count, hosts / (tookMs / 1000))
    }
    const rate = (count: number) => rates.get(count) ?? Number.NaN
    return [
      figure('checks of peers that take 100 ms, one worker', rate(1), '/s'),
      figure('two workers', rate(2), '/s'),
      figure('four workers', rate(4), '/s'),
      figure('two workers over one', rate(2) / rate(1), '×', '≥ 1.9'),
      figure('four workers over one', rate(4) / rate(1), '×', '≥ 3.6'),
    ]
  } finally {
    for (const one of [...workers, api]) await one.stop()
    await stores.close()
    peer.kill()
  }
}

async function putPolicy(api: Service, port: number): Promise<void> {
  const rule = { id: 'responds', title: 'LDAP responds', severity: 'medium', direction: 'inbound', from: ['client'] }
  const policy = { name: 'slow', title: 'Slow peers', rules: [{ ...rule, probe: 'ldap', port, expect: {} }] }
  await callService(api, '/v1/policies/slow', { method: 'PUT', body: JSON.stringify(policy) })
}
