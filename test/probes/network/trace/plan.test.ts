import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { describeTrace } from '../../../../src/domain/traces/sentence.ts'
import { measurePath } from '../../../../src/probes/network/trace/measure.ts'
import { findLoop, nextRound, planLimits, type Replies, type Reply } from '../../../../src/probes/network/trace/plan.ts'

/** What a SYN with this hop limit meets; the count is that of earlier SYNs with the same limit. */
type Network = (hop: number, sent: number) => Reply

const hop = (address: string): Reply => ({ kind: 'hop', address, ms: 1 })
const silent: Reply = { kind: 'silent' }
const connected: Reply = { kind: 'connected', ms: 1 }
const reset: Reply = { kind: 'reset', ms: 1 }
const rejected = (address: string): Reply => ({ kind: 'rejected', address, type: 3, code: 13, ms: 1 })

/** Routers 10.0.N.1, and then the end. */
const routed =
  (hops: number, end: Reply): Network =>
  (limit) =>
    limit <= hops ? hop(`10.0.${limit}.1`) : end

/** Runs the plan against a network that exists in this test alone. */
function explore(network: Network) {
  const replies = new Map<number, Reply[]>()
  const rounds: number[][] = []
  for (let round = nextRound(replies); round.length > 0; round = nextRound(replies)) {
    rounds.push(round)
    for (const limit of round) {
      const sent = replies.get(limit) ?? []
      replies.set(limit, [...sent, network(limit, sent.length)])
    }
  }
  return { rounds, replies, syns: rounds.flat().length }
}

const pathThrough = (network: Network, whole: Reply = network(30, 0)) =>
  measurePath(22, explore(network).replies, whole)

describe('the plan', () => {
  test('samples each hop twice, and sends nothing again from the first end on', () => {
    const { rounds } = explore(routed(2, connected))
    expect(rounds).toEqual([
      [1, 2, 3, 4],
      [1, 2],
    ])
  })

  test('tries a silent hop again, because routers limit the rate of ICMP errors', () => {
    const limited: Network = (limit, sent) => (limit === 2 && sent < 1 ? silent : routed(3, connected)(limit, sent))
    const { replies } = explore(limited)
    expect(replies.get(2)).toEqual([silent, hop('10.0.2.1')])
    expect(pathThrough(limited).hops.map(({ address }) => address)).toEqual(['10.0.1.1', '10.0.2.1', '10.0.3.1'])
  })

  test('keeps a hop that stays silent as null, and goes on behind it', () => {
    const gap: Network = (limit) => (limit === 2 ? silent : routed(4, connected)(limit, 0))
    expect(pathThrough(gap)).toMatchObject({
      endHop: 5,
      hops: [{ hop: 1 }, { hop: 2, address: null, ms: null }, { hop: 3 }, { hop: 4 }],
    })
  })

  test('gives up four silent hops after the last that responded', () => {
    const { rounds } = explore(routed(2, silent))
    expect(Math.max(...rounds.flat())).toBe(6)
    expect(pathThrough(routed(2, silent))).toMatchObject({
      outcome: 'silence',
      endHop: null,
      hops: [{}, { hop: 2 }],
    })
  })

  test('ends at 30 hops', () => {
    const { rounds } = explore((limit) => hop(`10.0.${limit}.1`))
    expect(Math.max(...rounds.flat())).toBe(30)
  })

  test('ends in a loop at the second return of an address', () => {
    const looping: Network = (limit) => hop(limit % 2 ? '10.0.1.1' : '10.0.2.1')
    expect(findLoop(explore(looping).replies)).toBe(5)
    expect(Math.max(...explore(looping).rounds.flat())).toBeLessThan(9)
    expect(pathThrough(looping, silent)).toMatchObject({ loops: true, outcome: 'silence', hops: { length: 5 } })
  })

  test('takes load balancing over ways of different length for no loop', () => {
    const balanced: Network = (limit, sent) =>
      limit > 3 ? connected : hop(sent % 2 && limit > 1 ? `10.0.${limit - 1}.1` : `10.0.${limit}.1`)
    expect(pathThrough(balanced)).toMatchObject({ loops: false, outcome: 'connected', endHop: 4 })
  })

  test('keeps every address of a load-balanced hop', () => {
    const balanced: Network = (limit, sent) => (limit === 2 ? hop(`10.0.2.${sent + 1}`) : routed(2, reset)(limit, sent))
    expect(pathThrough(balanced).hops[1]).toMatchObject({ address: '10.0.2.1', others: ['10.0.2.2'] })
  })

  test('sends a bounded number of SYNs in rounds of at most four hops, in any network', () => {
    const reply = fc.oneof(
      fc.constant(silent),
      fc.nat(40).map((n) => hop(`10.0.${n}.1`)),
      fc.constantFrom(connected, reset, rejected('10.0.9.9'), { kind: 'unreachable' } as Reply),
    )
    fc.assert(
      fc.property(fc.array(reply, { minLength: 120, maxLength: 120 }), reply, (all, whole) => {
        const { rounds, replies, syns } = explore((limit, sent) => all[limit * 4 + sent - 4] ?? silent)
        expect(syns).toBeLessThanOrEqual(planLimits.maxHops * planLimits.attempts)
        for (const round of rounds) expect(round.length).toBeLessThanOrEqual(planLimits.window)
        const path = measurePath(22, replies, whole)
        expect(path.hops.map((one) => one.hop)).toEqual(path.hops.map((_, i) => i + 1))
        const text = describeTrace({ address: '10.0.99.1', path, comparison: path })
        expect(text).toMatch(/^[A-Z].*\.$/)
        expect(text).not.toMatch(/undefined|null|NaN|Infinity/)
      }),
    )
  })
})

describe('the outcome', () => {
  test('is that of the SYN without a hop limit', () => {
    expect(pathThrough(routed(2, silent), rejected('10.0.2.1'))).toMatchObject({
      outcome: 'rejected',
      endHop: null,
      rejectedBy: { address: '10.0.2.1' },
    })
  })

  test('is what a limited SYN met, where that one was silent', () => {
    expect(pathThrough(routed(1, rejected('10.0.1.1')), silent)).toMatchObject({ outcome: 'rejected', endHop: 2 })
  })

  test('has no distance where limited SYNs met something else', () => {
    expect(pathThrough(routed(1, rejected('10.0.1.1')), connected)).toMatchObject({
      outcome: 'connected',
      endHop: null,
      rejectedBy: null,
    })
  })

  test('is silence without any reply', () => {
    const none: Replies = new Map()
    expect(measurePath(22, none, silent)).toMatchObject({ outcome: 'silence', hops: [], loops: false })
  })
})
