import { Value } from 'typebox/value'
import { judge } from '../../../src/domain/findings/judge.ts'
import type { Observation } from '../../../src/domain/findings/observation.ts'
import type { ResolvedRule } from '../../../src/domain/policy/policy.ts'
import { optionsOf } from '../../../src/domain/policy/probe-options.ts'
import { anyProtocols } from '../../../src/domain/protocols/index.ts'
import { probes } from '../../../src/probes/engine/registry.ts'
import { createObserver, type Observe } from '../../../src/probes/engine/run-check.ts'
import { createBudget } from '../../../src/probes/engine/socket-budget.ts'
import { openConnector } from '../../../src/probes/network/connector/open.ts'
import { createEgressPolicy, parseAllow } from '../../../src/probes/network/egress-policy.ts'
import { systemLookup } from '../../../src/probes/network/resolve.ts'
import { asPeer, type Peer } from '../../support/peers/peer.ts'
import { type FuzzCase, fuzzCases } from './cases.ts'
import { createRandom } from './random.ts'
import { type MutatedServer, record, startMutatingRelay, startReplay } from './replay.ts'

export type FuzzProtocol = keyof typeof fuzzCases
export const fuzzProtocols = Object.keys(fuzzCases) as FuzzProtocol[]

export interface FuzzOptions {
  runs: number
  /** The same seed gives the same mutations of recorded responses. */
  seed: number
}

export interface FuzzReport {
  runs: number
  /** How often each result and reason came. */
  outcomes: Record<string, number>
  /** Runs that broke a promise, with what is needed to repeat them. */
  broken: string[]
}

const parallel = 24
const timeoutMs = 250
/** Bounds a run on a busy machine; the longest are those of several connections, each with its deadline. */
const hangMs = 20_000

/**
 * Probes servers that do not meet a demand, with each response changed by chance. Each probe must end in time, with valid
 * facts, without an error of its own, and never in a pass. Throws if a tool of others disagrees about the unchanged server.
 */
export async function fuzz(protocol: FuzzProtocol, { runs, seed }: FuzzOptions): Promise<FuzzReport> {
  const report: FuzzReport = { runs: 0, outcomes: {}, broken: [] }
  const errors: unknown[] = []
  await using prober = await startProber(errors)
  const cases = fuzzCases[protocol]
  const shares = cases.reduce((sum, { share }) => sum + share, 0)
  for (const [index, one] of cases.entries()) {
    const rule = ruleOf(protocol, one)
    await using servers = await startServers(one, rule, prober.observe)
    const passes = (observation: Observation) => judge(rule, observation, { windowOpen: false })
    const [first] = servers.mutated
    if (!first) throw new Error('there is no server')
    if (await one.oracle(servers.real)) throw new Error(`${one.name}: the oracle finds that the demand is met`)
    if (passes(await prober.observe(checkOf(rule, first))).result === 'pass')
      throw new Error(`${one.name}: passes unchanged`)
    const total = Math.ceil((runs * one.share) / shares)
    let next = 0
    const work = async (server: MutatedServer) => {
      while (next < total) {
        const run = next++
        server.use(createRandom(seed + 1_000_003 * index + run))
        const observation = await within(prober.observe(checkOf(rule, server)))
        report.runs += 1
        const judgement = observation ? passes(observation) : undefined
        const outcome = judgement ? `${judgement.result} ${judgement.reason}` : 'hang'
        report.outcomes[outcome] = (report.outcomes[outcome] ?? 0) + 1
        const violation = !observation ? 'it does not end' : violationOf(observation, judgement?.result, errors)
        if (violation) report.broken.push(`${one.name}, seed ${seed}, run ${run}: ${violation}`)
      }
    }
    await Promise.all(servers.mutated.map(work))
  }
  return report
}

function violationOf(
  { probe, addressResults }: Observation,
  result: string | undefined,
  errors: unknown[],
): string | undefined {
  if (result === 'pass') return `it passes: ${JSON.stringify(addressResults)}`
  if (errors.length > 0) return `the prober failed: ${errors.splice(0).join()}`
  return addressResults.every(({ facts }) => Value.Check(anyProtocols[probe].facts, facts))
    ? undefined
    : `invalid facts: ${JSON.stringify(addressResults)}`
}

const ruleOf = (probe: FuzzProtocol, { name, expect }: FuzzCase): ResolvedRule => ({
  ...{ id: 'fuzz', title: name, severity: 'high', direction: 'inbound', from: ['client'], probe, port: 1 },
  expect,
})

const checkOf = (rule: ResolvedRule, { host, port }: MutatedServer) => ({
  ...{ probe: rule.probe, host, port },
  options: optionsOf(rule),
})

async function startServers(one: FuzzCase, rule: ResolvedRule, observe: Observe) {
  const real = await one.start()
  const recorded = one.live
    ? undefined
    : await record(real, (at) => observe({ probe: rule.probe, ...at, options: optionsOf(rule) }))
  const start = () => (recorded ? startReplay(recorded) : startMutatingRelay(real))
  const mutated = await Promise.all(Array.from({ length: parallel }, start))
  return asPeer({ real, mutated }, ...mutated.map(({ stop }) => stop), real.stop)
}

async function startProber(errors: unknown[]): Promise<Peer & { observe: Observe }> {
  const log = (error: unknown) => errors.push(error)
  const connector = await openConnector({ kind: 'auto', attempts: 1_000, log })
  const observe = createObserver({
    ...{ connector, probes, log, timeoutMs, tries: 1, spacingMs: 10 },
    egress: createEgressPolicy({ allow: parseAllow('127.0.0.0/8') }),
    budget: createBudget({ sockets: 1_000, perHost: 1_000 }),
    lookup: systemLookup,
    credential: async () => 'credential-unavailable',
    requester: 'portwarden tests',
    clock: () => new Date(),
  })
  return asPeer({ observe }, () => connector.close())
}

async function within<T>(running: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const expiry = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, hangMs, undefined)
  })
  try {
    return await Promise.race([running, expiry])
  } finally {
    clearTimeout(timer)
  }
}
