import { json } from 'node:stream/consumers'
import { affordableSockets } from '../../src/probes/engine/descriptor-pressure.ts'
import { probes } from '../../src/probes/engine/registry.ts'
import { type Check, createObserver } from '../../src/probes/engine/run-check.ts'
import { createBudget } from '../../src/probes/engine/socket-budget.ts'
import { createEgressPolicy, parseAllow } from '../../src/probes/network/egress-policy.ts'
import { systemLookup } from '../../src/probes/network/resolve.ts'

/** What this program reads as JSON from its standard input. It answers with the observations, in the order of the checks. */
export interface ObserveRequest {
  checks: Check[]
  allow: string
  sockets: number
  perHost: number
  timeoutMs: number
  tries: number
  spacingMs: number
  /** Lowers `sockets` to what the limit of descriptors allows. */
  withinDescriptors?: boolean
}

// One process that observes, for tests that need another network namespace or other limits than their own.
const { checks, allow, sockets, perHost, withinDescriptors, ...patience } = (await json(
  process.stdin,
)) as ObserveRequest
const observe = createObserver({
  ...patience,
  probes,
  egress: createEgressPolicy({ allow: parseAllow(allow) }),
  budget: createBudget({ sockets: withinDescriptors ? affordableSockets(sockets) : sockets, perHost }),
  lookup: systemLookup,
  credential: async () => 'credential-unavailable',
  requester: 'portwarden tests',
  clock: () => new Date(),
  log: (error) => process.stderr.write(`${error}\n`),
})
process.stdout.write(JSON.stringify(await Promise.all(checks.map((check) => observe(check)))))
