import { json } from 'node:stream/consumers'
import type { EstateAudits } from './estate.ts'
import { startService } from './service.ts'
import { auditAll, driftBetween, putPolicy, statesOf } from './whole-audit.ts'

// Runs in the network namespace of the service: two audits of the same targets, and the drift between them.
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
  const result: EstateAudits = {
    audits: [first.tookMs, second.tookMs],
    driftMs: drift.tookMs,
    states: [...(await statesOf(service, second.auditId))],
  }
  process.stdout.write(JSON.stringify(result))
} finally {
  await service.stop()
}
