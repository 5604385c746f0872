import { json } from 'node:stream/consumers'
import type { Check } from '../src/probes/engine/check.ts'
import { probes } from '../src/probes/engine/registry.ts'
import { createObserver } from '../src/probes/engine/run-check.ts'
import { createBudget } from '../src/probes/engine/socket-budget.ts'
import { openConnector } from '../src/probes/network/connector/open.ts'
import { createEgressPolicy, parseAllow } from '../src/probes/network/egress-policy.ts'
import { systemLookup } from '../src/probes/network/resolve.ts'

/** The input of this program as JSON: every host on every port, with one kind of probe. */
export interface ProbeOrder {
  check: Pick<Check, 'probe' | 'options'>
  hosts: string[]
  ports: number[]
  sockets: number
  perHost: number
  timeoutMs: number
  /** Blocks the main thread for that long, half of the time. */
  blockMs?: number
}

/** Its output. */
export interface ProbeReport {
  tookMs: number
  /** CPU time of all checks, user and system, without the start of the process. */
  cpuMs: number
  /** By `HOST PORT`. */
  states: [string, string][]
  /** By reason: how many. */
  reasons: Record<string, number>
  /** Peak resident memory, in KiB. */
  peakKiB: number
  /** Milliseconds of each connect, in the order of the ends. */
  latencies: number[]
}

// A process that only probes.
const { check, hosts, ports, sockets, perHost, timeoutMs, blockMs } = (await json(process.stdin)) as ProbeOrder
const connector = await openConnector({
  kind: process.env.PORTWARDEN_CONNECTOR === 'node' ? 'node' : 'auto',
  attempts: sockets,
  log: (reason) => process.stderr.write(reason),
})
const observe = createObserver({
  connector,
  probes,
  egress: createEgressPolicy({ allow: parseAllow('127.0.0.0/8') }),
  budget: createBudget({ sockets, perHost }),
  lookup: systemLookup,
  credential: async () => 'credential-unavailable',
  requester: 'portwarden bench',
  timeoutMs,
  tries: 1,
  spacingMs: 1,
  clock: () => new Date(),
  log: (error) => process.stderr.write(`${error}\n`),
})

const checks = hosts.flatMap((host) => ports.map((port): Check => ({ ...check, host, port })))
const reasons: Record<string, number> = {}
const startedAt = performance.now()
const cpuBefore = process.cpuUsage()
const states: [string, string][] = []
const latencies: number[] = []
const rest = checks.values()
const work = async () => {
  for (const one of rest) {
    const [addressResult] = (await observe(one)).addressResults
    reasons[addressResult.reason] = (reasons[addressResult.reason] ?? 0) + 1
    latencies.push(addressResult.latencyMs ?? Number.NaN)
    states.push([`${one.host} ${one.port}`, addressResult.state])
  }
}
function block(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}
const blocking = blockMs === undefined ? undefined : setInterval(block, 2 * blockMs, blockMs)
await Promise.all(Array.from({ length: Math.min(checks.length, sockets) }, work))
clearInterval(blocking)
const tookMs = performance.now() - startedAt
const { user, system } = process.cpuUsage(cpuBefore)
const cpuMs = (user + system) / 1000
const report: ProbeReport = { tookMs, cpuMs, states, reasons, peakKiB: process.resourceUsage().maxRSS, latencies }
process.stdout.write(JSON.stringify(report))
await connector.close()
