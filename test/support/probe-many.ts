import { json } from 'node:stream/consumers'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Check } from '../../src/probes/engine/check.ts'
import { probes } from '../../src/probes/engine/registry.ts'
import { createObserver } from '../../src/probes/engine/run-check.ts'
import { createBudget } from '../../src/probes/engine/socket-budget.ts'
import { openConnector } from '../../src/probes/network/connector/open.ts'
import { createEgressPolicy, parseAllow } from '../../src/probes/network/egress-policy.ts'
import { systemLookup } from '../../src/probes/network/resolve.ts'

/** The JSON input on standard input: checks to run repeatedly, in turn. */
export interface ManyProbes {
  checks: Check[]
  warmUp: number
  count: number
  concurrency: number
  timeoutMs: number
}

/** The output. */
export interface ManyProbesOutcome {
  /** Growth of the resident set over the counted probes, in MiB. */
  grownMiB: number
  /** Sockets left at the end. */
  openSockets: number
  /** The longest probe. */
  longestMs: number
  failures: string[]
}

const { checks, warmUp, count, concurrency, timeoutMs } = (await json(process.stdin)) as ManyProbes
const failures: string[] = []
const connector = await openConnector({
  kind: 'auto',
  attempts: concurrency,
  log: (reason) => process.stderr.write(reason),
})
const observe = createObserver({
  connector,
  probes,
  egress: createEgressPolicy({ allow: parseAllow('127.0.0.0/8') }),
  budget: createBudget({ sockets: concurrency, perHost: concurrency }),
  lookup: systemLookup,
  credential: async () => 'credential-unavailable',
  requester: 'portwarden tests',
  timeoutMs,
  tries: 1,
  spacingMs: 1,
  clock: () => new Date(),
  log: (error) => failures.push(String(error)),
})

let longestMs = 0
async function run(total: number): Promise<void> {
  let started = 0
  const worker = async () => {
    while (started < total) {
      const check = checks[started++ % checks.length]
      if (!check) return
      const { addressResults } = await observe(check)
      for (const { latencyMs } of addressResults) longestMs = Math.max(longestMs, latencyMs ?? 0)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
}

const residentMiB = () => process.memoryUsage.rss() / 2 ** 20
await run(warmUp)
const before = residentMiB()
await run(count)
// A destroyed socket closes its handle in a later turn.
for (let turn = 0; turn < 5; turn++) await nextTurn()
const outcome: ManyProbesOutcome = {
  grownMiB: residentMiB() - before,
  openSockets: process.getActiveResourcesInfo().filter((resource) => resource === 'TCPSocketWrap').length,
  longestMs,
  failures: failures.slice(0, 5),
}
process.stdout.write(JSON.stringify(outcome))
await connector.close()
