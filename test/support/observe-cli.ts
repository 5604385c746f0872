import { json } from 'node:stream/consumers'
import type { Check } from '../../src/probes/engine/check.ts'
import { affordableSockets } from '../../src/probes/engine/descriptor-pressure.ts'
import { probes } from '../../src/probes/engine/registry.ts'
import { createObserver } from '../../src/probes/engine/run-check.ts'
import { createBudget } from '../../src/probes/engine/socket-budget.ts'
import { type ConnectorKind, openConnector } from '../../src/probes/network/connector/open.ts'
import { createEgressPolicy, parseAllow } from '../../src/probes/network/egress-policy.ts'
import { systemLookup } from '../../src/probes/network/resolve.ts'

/** The JSON input on standard input; the output is the observations, in the order of the checks. */
export interface ObserveRequest {
  checks: Check[]
  allow: string
  sockets: number
  perHost: number
  timeoutMs: number
  tries: number
  spacingMs: number
  /** Limits `sockets` to the available descriptors. */
  withinDescriptors?: boolean
  /** Default: auto. */
  connectorKind?: ConnectorKind
}

// Observes in a separate process, for another network namespace or other limits.
const {
  checks,
  allow,
  sockets,
  perHost,
  withinDescriptors,
  connectorKind = 'auto',
  ...patience
} = (await json(process.stdin)) as ObserveRequest
const connector = await openConnector({
  kind: connectorKind,
  attempts: sockets,
  log: (reason) => process.stderr.write(reason),
})
const observe = createObserver({
  connector,
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
await connector.close()
