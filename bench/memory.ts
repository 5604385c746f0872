import type { Bench } from './main.ts'
import { figure, peakResidentMb } from './measure.ts'
import { startService } from './service.ts'
import { openOwnStores } from './stores.ts'
import { auditAll, putPolicy } from './whole-audit.ts'

const auditHosts = 10_000

/** The peak memory of a worker in a large audit. */
export const measureMemory: Bench = async (dataDir) => {
  const stores = await openOwnStores(dataDir)
  try {
    const mb = await peakOfAudit(dataDir, { DATABASE_URL: stores.url })
    return [figure('worker, audit of 100000 checks, peak', mb, 'MB', '< 300')]
  } finally {
    await stores.close()
  }
}

/** API and worker are two processes, as in production. Loopback refuses every connection. */
async function peakOfAudit(dataDir: string, env: Record<string, string>): Promise<number> {
  const api = await startService(dataDir, env, 'api')
  const worker = await startService(dataDir, { ...env, PORTWARDEN_ALLOW: '127.0.0.0/8' }, 'worker')
  try {
    await putPolicy(
      api,
      Array.from({ length: 10 }, (_, i) => 18_001 + i),
    )
    await auditAll(
      api,
      Array.from({ length: auditHosts }, (_, i) => `127.2.${i >> 8}.${i & 255}`),
    )
    return await peakResidentMb(worker.pid)
  } finally {
    await worker.stop()
    await api.stop()
  }
}
