import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { renderTable } from '../src/cli/table.ts'
import { clusterHome } from '../src/store/db/embedded/index.ts'
import { measureAgents } from './agents.ts'
import { measureAudits } from './audits.ts'
import { measureConsole } from './console.ts'
import { measureEstate, measureFilteredPorts } from './estate.ts'
import { measureExport } from './export.ts'
import { measureAuditLatency, measureReadiness } from './first-audit.ts'
import { measureLedger } from './ledger.ts'
import { measureLoopback } from './loopback.ts'
import { measureMemory } from './memory.ts'
import { measureProbeEndpoint } from './probe-endpoint.ts'
import { measureConnects, measureInFlight, measureLatencyUnderLoad, measureProbes } from './probes.ts'
import { measureQueue } from './queue.ts'
import { measureReads } from './reads.ts'
import { noteRunning, stopAll } from './running.ts'
import { type Summary, showFigure, summarize } from './runs.ts'
import { measureSlowClients } from './slow-clients.ts'
import { measureWebhooks } from './webhooks.ts'
import { measureWorkers } from './workers.ts'
import { measureYears } from './years.ts'

/** One measured figure. */
export interface Figure {
  what: string
  value: number
  unit: string
  /** The number to reach, as the comparison that must hold. */
  goal: string
}

export type Bench = (dataDir: string) => Promise<Figure[]>

const benches: Record<string, Bench> = {
  readiness: measureReadiness,
  latency: measureAuditLatency,
  audits: measureAudits,
  connects: measureConnects,
  'latency-under-load': measureLatencyUnderLoad,
  probes: measureProbes,
  'in-flight': measureInFlight,
  estate: measureEstate,
  'filtered-ports': measureFilteredPorts,
  loopback: measureLoopback,
  years: measureYears,
  console: measureConsole,
  memory: measureMemory,
  export: measureExport,
  reads: measureReads,
  'slow-clients': measureSlowClients,
  probe: measureProbeEndpoint,
  ledger: measureLedger,
  webhooks: measureWebhooks,
  workers: measureWorkers,
  queue: measureQueue,
  agents: measureAgents,
}

const wanted = process.argv.slice(2)
const unknown = wanted.find((name) => !(name in benches))
if (unknown !== undefined) {
  console.error(`there is no bench ${unknown}; there are ${Object.keys(benches).join(', ')}`)
  process.exit(2)
}

// Otherwise processes of the bench would outlive it.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void stopAll().finally(() => process.exit(1)))

const runs = Number(process.env.PORTWARDEN_BENCH_RUNS ?? 1)

async function runOnce(bench: Bench): Promise<Figure[]> {
  const dataDir = await mkdtemp(join(tmpdir(), 'portwarden-bench-'))
  const cluster = clusterHome(dataDir)
  const remove = noteRunning(async () => {
    await rm(dataDir, { recursive: true, force: true })
    await rm(cluster, { recursive: true, force: true })
  })
  try {
    return await bench(dataDir)
  } finally {
    await remove()
  }
}

const figures: (Summary & { bench: string })[] = []
for (const [name, bench] of Object.entries(benches)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  const all: Figure[][] = []
  try {
    for (let run = 0; run < runs; run++) all.push(await runOnce(bench))
  } catch (error) {
    console.error(`${name}:`, error) // the other benches are still worth their time
    process.exitCode = 1
  }
  if (all.length > 0) figures.push(...summarize(all).map((figure) => ({ bench: name, ...figure })))
}

const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.versions.node}`
const rows = figures.map((figure) => [figure.bench, figure.what, showFigure(figure), figure.goal])
console.log(`${machine}\n\n${renderTable(['BENCH', 'WHAT', 'MEASURED', 'GOAL'], rows)}`)
const file = process.env.PORTWARDEN_BENCH_JSON
if (file) await writeFile(file, `${JSON.stringify({ machine, figures }, null, 2)}\n`)
