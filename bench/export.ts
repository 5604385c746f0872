import { v7 as newUuid } from 'uuid'
import type { Bench, Figure } from './main.ts'
import { figure, peakResidentMb } from './measure.ts'
import { findingOf } from './nights.ts'
import { portPolicy } from './policies.ts'
import { type Service, startService } from './service.ts'
import { makeSeries, type OwnStores, openOwnStores } from './stores.ts'
import { callService } from './whole-audit.ts'

const wantedRows = Number(process.env.PORTWARDEN_BENCH_ROWS ?? 1_000_000)
const ports = Array.from({ length: 50 }, (_, i) => 1000 + i)
const hostsPerChunk = 1_000

/** Rows per second of the export of a large audit, and the peak memory of the API. */
export const measureExport: Bench = async (dataDir) => {
  const stores = await openOwnStores(dataDir)
  try {
    const auditId = await loadAudit(stores, Math.ceil(wantedRows / ports.length))
    const api = await startService(dataDir, { DATABASE_URL: stores.url }, 'api')
    try {
      const figures: Figure[] = []
      for (const [format, goal] of [
        ['csv', '≥ 100000'],
        ['ndjson', ''],
      ] as const) {
        const { lines, tookMs } = await readAll(api, `/v1/audits/${auditId}/findings?format=${format}`)
        const what = `${lines} lines of ${format.toUpperCase()}`
        figures.push(figure(what, lines / (tookMs / 1000), 'rows/s', goal))
      }
      const mb = await peakResidentMb(api.pid)
      return [...figures, figure('API, peak', mb, 'MB', '< 300')]
    } finally {
      await api.stop()
    }
  } finally {
    await stores.close()
  }
}

/** Loads an audit through the recording that a worker uses. */
async function loadAudit(stores: OwnStores, hostCount: number): Promise<string> {
  const hosts = Array.from({ length: hostCount }, (_, i) => `10.1.${i >> 8}.${i & 255}`)
  const { stored } = await stores.policies.put(portPolicy('many-ports', ports))
  const auditId = newUuid()
  const order = { policyId: stored.id, targetIds: [], vantages: [], params: {}, trigger: 'bench', requestedBy: 'bench' }
  await stores.db.$executeRaw`SELECT ensure_finding_partition(now())`
  await stores.audits.create({ id: auditId, ...order })
  for (let at = 0; at < hosts.length; at += hostsPerChunk) {
    const some = hosts.slice(at, at + hostsPerChunk).map((address) => ({ name: address, address }))
    const series = await makeSeries(stores, 'many-ports', some, ports)
    for (let i = 0; i < series.length; i += 5000) {
      const findings = series.slice(i, i + 5000).map((one) => findingOf(one, true, new Date()))
      await stores.record({ auditId, batchId: null, findings })
    }
  }
  await stores.endAudit({ id: auditId })
  return auditId
}

async function readAll(service: Service, path: string): Promise<{ lines: number; tookMs: number }> {
  const startedAt = performance.now()
  let lines = 0
  for await (const chunk of (await callService(service, path)).body ?? []) lines += linesIn(chunk)
  return { lines, tookMs: performance.now() - startedAt }
}

function linesIn(chunk: Uint8Array): number {
  let lines = 0
  for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines += 1
  return lines
}
