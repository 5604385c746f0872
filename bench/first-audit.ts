import type { Bench } from './main.ts'
import { figure, median } from './measure.ts'
import { type Service, startService } from './service.ts'

/** Time until the service is ready, with a new and with an existing data directory. */
export const measureReadiness: Bench = async (dataDir) => {
  const readyMs = async () => {
    const service = await startService(dataDir)
    await service.stop()
    return service.readyMs
  }
  const first = await readyMs()
  const later = [await readyMs(), await readyMs(), await readyMs(), await readyMs(), await readyMs()]
  return [
    figure('ready, first start', first, 'ms', '≤ 6000'),
    figure('ready, later start (median of 5)', median(later), 'ms', '≤ 2000'),
  ]
}

/** The duration of an audit of one target without its probes, from request to response. */
export const measureAuditLatency: Bench = async (dataDir) => {
  const service = await startService(dataDir)
  try {
    await auditOnce(service)
    const overheads: number[] = []
    for (let i = 0; i < 50; i++) overheads.push(await auditOnce(service))
    return [figure('audit of one target beyond its probes (median of 50)', median(overheads), 'ms', '< 150')]
  } finally {
    await service.stop()
  }
}

/** Milliseconds from request to response, less the longest probe: the probes of a target run concurrently. */
async function auditOnce({ url, key }: Service): Promise<number> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', prefer: 'wait=15' }
  const body = JSON.stringify({
    policy: 'netwrix-endpoint-protector',
    targets: [{ name: 'loopback', address: '127.0.0.1' }],
  })
  const startedAt = performance.now()
  const response = await fetch(`${url}/v1/audits`, { method: 'POST', headers, body })
  const audit = (await response.json()) as { id: string; status: string }
  const tookMs = performance.now() - startedAt
  if (audit.status !== 'completed') throw new Error(`the audit did not complete: ${JSON.stringify(audit)}`)
  const findings = await fetch(`${url}/v1/audits/${audit.id}/findings`, {
    headers: { authorization: headers.authorization },
  })
  const { items } = (await findings.json()) as { items: { latencyMs: number | null }[] }
  return tookMs - Math.max(...items.map((item) => item.latencyMs ?? 0))
}
