import { v7 as newUuid } from 'uuid'
import type { Bench } from './main.ts'
import { peakResidentMb } from './measure.ts'
import { findingOf } from './nights.ts'
import { portPolicy } from './policies.ts'
import { startService } from './service.ts'
import { makeSeries, openOwnStores } from './stores.ts'
import { ask, auditAll, putPolicy } from './whole-audit.ts'

const auditHosts = 10_000
const rowHosts = 20_000
const rowPorts = 50

/** The most memory that a worker needs for a large audit, and the API for a large export. */
export const measureMemory: Bench = async (dataDir) => {
  const stores = await openOwnStores(dataDir)
  try {
    const env = { DATABASE_URL: stores.url }
    const auditMb = await peakOfAudit(dataDir, env)
    const auditId = await loadAudit(stores)
    const { mb, rows, tookMs } = await peakOfExport(dataDir, env, auditId)
    return [
      { bench: 'memory', what: 'worker, audit of 100000 checks, peak', value: auditMb, unit: 'MB', goal: '< 300' },
      { bench: 'memory', what: `API, CSV export of ${rows} findings, peak`, value: mb, unit: 'MB', goal: '< 300' },
      { bench: 'memory', what: 'that export', value: rows / (tookMs / 1000), unit: 'rows/s', goal: '' },
    ]
  } finally {
    await stores.close()
  }
}

/** The API and the worker are processes of their own, as they are where it matters. Everything is refused on loopback. */
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

/** An audit of a million findings, through the recording that a worker uses. */
async function loadAudit(stores: Awaited<ReturnType<typeof openOwnStores>>): Promise<string> {
  const ports = Array.from({ length: rowPorts }, (_, i) => 1000 + i)
  const hosts = Array.from({ length: rowHosts }, (_, i) => `10.1.${i >> 8}.${i & 255}`)
  const { stored } = await stores.policies.put(portPolicy('many-ports', ports))
  const auditId = newUuid()
  const order = { policyId: stored.id, targetIds: [], vantages: [], params: {}, trigger: 'bench', requestedBy: 'bench' }
  await stores.audits.create({ id: auditId, ...order })
  for (let at = 0; at < hosts.length; at += 1000) {
    const some = hosts.slice(at, at + 1000).map((address) => ({ name: address, address }))
    const places = await makeSeries(stores, 'many-ports', some, ports)
    for (let i = 0; i < places.length; i += 5000) {
      const findings = places.slice(i, i + 5000).map((place) => findingOf(place, true, new Date()))
      await stores.record({ auditId, batchId: null, findings })
    }
  }
  await stores.audits.finish(auditId)
  return auditId
}

async function peakOfExport(dataDir: string, env: Record<string, string>, auditId: string) {
  const api = await startService(dataDir, env, 'api')
  try {
    const startedAt = performance.now()
    const response = await ask(api, `/v1/audits/${auditId}/findings`, { headers: { accept: 'text/csv' } })
    let rows = -1 // the head
    for await (const chunk of response.body ?? []) rows += linesIn(chunk)
    return { mb: await peakResidentMb(api.pid), rows, tookMs: performance.now() - startedAt }
  } finally {
    await api.stop()
  }
}

function linesIn(chunk: Uint8Array): number {
  let lines = 0
  for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines += 1
  return lines
}
