import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { AddressResult, Observation } from '../../../src/domain/findings/observation.ts'
import { completeDelivered } from '../../../src/operations/audits/host-check.ts'
import { runChecks } from '../../../src/operations/audits/run-checks.ts'
import type { Check } from '../../../src/probes/engine/check.ts'
import type { Observe } from '../../../src/probes/engine/run-check.ts'

type Outcome = Pick<AddressResult, 'state' | 'reason'>
const open: Outcome = { state: 'open', reason: 'tcp-connected' }
const closed: Outcome = { state: 'closed', reason: 'connection-refused' }
const silent: Outcome = { state: 'filtered', reason: 'no-response' }
const failed: Outcome = { state: 'unknown', reason: 'descriptors-exhausted' }
const absent: Outcome = { state: 'unreachable', reason: 'host-unreachable' }
const outcomes = [open, closed, silent, failed, absent]

const address = '192.0.2.1'
const checkOf = (port: number, companions?: number[]): Check => ({
  ...{ probe: 'tcp', host: address, port, options: {} },
  companions,
})

/** A network in which the ports of one address are so, and the rest is silent. */
function networkOf(ports: Record<number, Outcome>) {
  const dialled: number[] = []
  const observe: Observe = async ({ probe, host, port }) => {
    dialled.push(port)
    const result = { address: host, facts: {}, latencyMs: 1, attempts: 1, ...(ports[port] ?? silent) }
    return { probe, host, port, observedAt: '2026-01-01T00:00:00.000Z', addressResults: [result] }
  }
  const results = async (checks: readonly Check[]) => {
    const seen = await runChecks({ observe, isOnline: async () => true }, checks)
    return seen?.map(({ addressResults: [{ state, reason, hostAnswered }] }) => ({ state, reason, hostAnswered }))
  }
  const run = async (checks: readonly Check[]) => (await results(checks))?.map(({ hostAnswered }) => hostAnswered)
  return { run, results, dialled }
}

describe('a silent port', () => {
  test('of which the batch shows a port that responds needs no further connection', async () => {
    const { run, dialled } = networkOf({ 443: closed })
    expect(await run([checkOf(22, [443, 80]), checkOf(443, [22, 80])])).toEqual([true, undefined])
    expect(dialled.sort()).toEqual([22, 443])
  })

  test('whose companions are not in the batch has them dialled, each once for all checks of the host', async () => {
    const { run, dialled } = networkOf({ 80: open })
    expect(await run([checkOf(22, [23, 80]), checkOf(23, [22, 80])])).toEqual([true, true])
    expect(dialled.sort()).toEqual([22, 23, 80])
  })

  test('of a host that is silent on each companion says so', async () => {
    const { run } = networkOf({})
    expect(await run([checkOf(22, [443]), checkOf(23, [])])).toEqual([false, false])
  })

  test('says nothing of its host where the vantage failed, or no companions are planned', async () => {
    const { run, dialled } = networkOf({ 443: failed })
    expect(await run([checkOf(22, [443]), checkOf(23)])).toEqual([undefined, undefined])
    expect(dialled.sort()).toEqual([22, 23, 443])
  })

  test('of a host that a router reports absent on a companion is unreachable, as the companion is', async () => {
    const { results } = networkOf({ 443: absent })
    expect(await results([checkOf(22, [80, 443])])).toEqual([absent])
  })

  test('of a host that responds is filtered, although a router calls the host absent on another port', async () => {
    const { results } = networkOf({ 443: absent, 80: open })
    const filtered = { ...silent, hostAnswered: true }
    expect(await results([checkOf(22, [80, 443]), checkOf(443, [22, 80])])).toEqual([filtered, absent])
  })

  test('says the same however its checks are split into batches', async () => {
    const ports = fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 })
    const network = fc.dictionary(fc.integer({ min: 1, max: 9 }).map(String), fc.constantFrom(...outcomes))
    await fc.assert(
      fc.asyncProperty(
        ports,
        network,
        fc.array(fc.nat(2), { minLength: 9, maxLength: 9 }),
        async (all, state, split) => {
          const checks = all.map((port) =>
            checkOf(
              port,
              all.filter((other) => other !== port),
            ),
          )
          const whole = await networkOf(state).results(checks)
          for (const part of [0, 1, 2]) {
            const some = checks.filter(({ port }) => split[port - 1] === part)
            const expected = whole?.filter((_, i) => some.includes(checks[i] as Check))
            expect(await networkOf(state).results(some)).toEqual(expected)
          }
        },
      ),
    )
  })
})

describe('a delivery', () => {
  const observationOf = (port: number, outcome: Outcome, hostAnswered?: boolean): Observation => ({
    ...{ probe: 'tcp', host: address, port, observedAt: '2026-01-01T00:00:00.000Z' },
    addressResults: [
      {
        ...{ address, facts: {}, latencyMs: 1, attempts: 1, ...outcome },
        ...(hostAnswered === undefined ? {} : { hostAnswered }),
      },
    ],
  })
  const completed = (checks: readonly Check[], ...seen: (Observation | undefined)[]) =>
    completeDelivered(checks, seen).map((one) => one?.addressResults[0].hostAnswered)
  const checks = [checkOf(22, [443]), checkOf(443, [22])]

  test('of an agent that knows no companions has what its other observations show', () => {
    expect(completed(checks, observationOf(22, silent), observationOf(443, open))).toEqual([true, undefined])
    expect(completed(checks, observationOf(22, silent), observationOf(443, silent))).toEqual([false, false])
    expect(completed(checks, observationOf(22, silent), observationOf(443, failed))).toEqual([undefined, undefined])
    expect(completed(checks, observationOf(22, silent), undefined)).toEqual([undefined, undefined])
  })

  test('keeps what the agent says, unless its own observations contradict it', () => {
    expect(completed([checkOf(22, [443])], observationOf(22, silent, true))).toEqual([true])
    expect(completed([checkOf(22, [443])], observationOf(22, silent, false))).toEqual([false])
    expect(completed(checks, observationOf(22, silent, false), observationOf(443, closed))).toEqual([true, undefined])
  })
})
