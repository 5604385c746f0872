import { v7 as newUuid } from 'uuid'
import { checksPerBatch } from '../src/operations/audits/split-batches.ts'
import { randomNumbers } from '../src/runtime/random-numbers.ts'
import type { NewFinding } from '../src/store/audits/record-findings.ts'
import { portPolicy } from './policies.ts'
import { makeSeries, type OwnStores, type PortSeries } from './stores.ts'

interface Night {
  auditId: string
  at: Date
}

export interface Nights {
  targets: string[]
  nights: Night[]
  findings: number
  /** Recording only, without planning and ending the audits. */
  recordingMs: number
}

const changedShare = 0.002
const concurrentBatches = 2
const dayMs = 86_400_000
const nightlyMs = 2 * 3_600_000

interface NightsOptions {
  targets: number
  nights: number
  policy?: string
  /** One rule for each. */
  ports?: readonly number[]
  /** The share of ports that are closed in the first night. */
  closedShare?: number
}

/**
 * Nightly audits of the past, the last one last night, through the recording that a worker uses. `load` continues to the given
 * number of nights and returns all of them, oldest first.
 */
export async function openNights(
  stores: OwnStores,
  options: NightsOptions,
): Promise<{ load(nights: number, onNight?: (done: number) => void): Promise<Nights> }> {
  const { targets: targetCount, nights: nightCount, closedShare = 0 } = options
  const { policy = 'three-ports', ports = [22, 389, 443] } = options
  const hosts = Array.from({ length: targetCount }, (_, i) => ({
    name: `host-${String(i).padStart(5, '0')}`,
    address: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
  }))
  const { stored } = await stores.policies.put(portPolicy(policy, ports))
  const series = await makeSeries(stores, policy, hosts, ports)
  const targetIds = [...new Set(series.map(({ targetId }) => targetId))]
  const random = randomNumbers(4)
  const open = series.map(() => closedShare === 0 || random() >= closedShare)
  const today = Math.floor(Date.now() / dayMs) * dayMs
  const nights: Night[] = []
  let recordingMs = 0

  const loadNext = async () => {
    const at = new Date(today - (nightCount - nights.length) * dayMs + nightlyMs)
    const auditId = newUuid({ msecs: at.getTime() })
    await stores.db.$executeRaw`SELECT ensure_finding_partition(${at})`
    const order = { policyId: stored.id, targetIds, vantages: [], params: {}, trigger: 'bench', requestedBy: 'bench' }
    await stores.audits.create({ id: auditId, ...order })
    for (let n = 0; nights.length > 0 && n < series.length * changedShare; n++) {
      const which = Math.floor(random() * series.length)
      open[which] = !open[which]
    }
    recordingMs += await recordNight(stores, { auditId, at }, series, open)
    await stores.endAudit({ id: auditId })
    nights.push({ auditId, at })
  }
  return {
    async load(count, onNight = () => {}) {
      while (nights.length < count) {
        await loadNext()
        onNight(nights.length)
      }
      const findings = series.length * nights.length
      return { targets: hosts.map(({ name }) => name), nights: [...nights], findings, recordingMs }
    },
  }
}

async function recordNight(stores: OwnStores, { auditId, at }: Night, series: readonly PortSeries[], open: boolean[]) {
  const starts = Array.from({ length: Math.ceil(series.length / checksPerBatch) }, (_, i) => i * checksPerBatch)
  const ids = await stores.batches.create(
    starts.map(() => ({ auditId, vantage: 'local', vantageId: 1, rules: [], checks: [] })),
  )
  const batches = starts.map((start, i) => ({ batchId: ids[i] ?? -1, start }))
  await stores.audits.start(auditId, { total: series.length, batches: batches.length })
  const startedAt = performance.now()
  const recordSome = async () => {
    for (let batch = batches.shift(); batch; batch = batches.shift()) {
      const { batchId, start } = batch
      const findings = series
        .slice(start, start + checksPerBatch)
        .map((one, i) => findingOf(one, open[start + i] === true, new Date(at.getTime() + start)))
      await stores.record({ auditId, batchId, findings })
    }
  }
  await Promise.all(Array.from({ length: concurrentBatches }, recordSome))
  return performance.now() - startedAt
}

/** The finding of a TCP probe. */
export function findingOf(
  { targetId, seriesId, address, port }: PortSeries,
  isOpen: boolean,
  observedAt: Date,
): NewFinding {
  const state = isOpen ? 'open' : 'closed'
  const reason = isOpen ? 'tcp-connected' : 'connection-refused'
  return {
    ...{ targetId, seriesId, observedAt, state, latencyMs: 1, attempts: 1, indirect: false },
    result: isOpen ? 'pass' : 'fail',
    reason: isOpen ? 'as-expected' : 'unexpected-state',
    evidence: { probe: 'tcp', host: address, port, addresses: { [address]: { state, reason, facts: {} } } },
  }
}
