import { json } from 'node:stream/consumers'
import type { EstateAudits } from './estate.ts'
import { startService } from './service.ts'
import { auditAll, driftBetween, putPolicy, statesOf } from './whole-audit.ts'

// Runs inside the network namespace, where the service is reached: two audits of the same, and what changed between them.
const { dataDir, addresses, ports } = (await json(process.stdin)) as {
  dataDir: string
  addresses: string[]
  ports: number[]
}
const service = await startService(dataDir)
try {
  await putPolicy(service, ports)
  const first = await auditAll(service, addresses)
  const second = await auditAll(service, addresses)
  const drift = await driftBetween(service, first.auditId, second.auditId)
    const t = await (
      await (
        await import('./whole-audit.ts')
      ).ask(service, `/v1/audits/${second.auditId}/findings`, { headers: { accept: 'application/x-ndjson' } })
    ).text()
    const c: Record<string, number> = {}
    for (const l of t.trim().split('\n')) {
      const f = JSON.parse(l)
      const e = Object.values(f.evidence.addresses)[0] as { reason: string }
      const k = `${f.state} ${f.reason.code} ${e.reason} ${f.attempts}`
      c[k] = (c[k] ?? 0) + 1
    }
    console.error(c)
  }
  const answer: EstateAudits = {
    audits: [first.tookMs, second.tookMs],
    driftMs: drift.tookMs,
    states: [...(await statesOf(service, second.auditId))],
  }
  process.stdout.write(JSON.stringify(answer))
} finally {
  await service.stop()
}
