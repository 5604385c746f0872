import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { probeRdp } from '../../../src/probes/rdp/probe.ts'
import { hostile, type Step, startHostile } from '../../support/peers/hostile.ts'
import { inTime, watchedIo } from '../../support/watched-io.ts'
import { plainConfirm, refusal, selection } from './responses.ts'

const short = 500

/** Probes, and makes sure that nothing is left behind and the deadline held. */
async function probe({ host, port }: { host: string; port: number }, deadlineMs = short) {
  const io = watchedIo({ deadlineMs })
  const endpoint = { host: 'desktop.lab.test', address: host, port }
  const options = { offerVersions: ['TLSv1' as const], offerSecurities: ['standard' as const, 'tls' as const] }
  const seen = await inTime(deadlineMs, probeRdp(endpoint, options, io))
  expect(io.left()).toEqual({ sockets: 0, waits: 0 })
  return seen
}

const almostRdp = fc.constantFrom<Uint8Array>(
  ...[selection(0), selection(1), selection(8), refusal(2), refusal(5), plainConfirm],
  ...[selection(1).subarray(0, 12), Buffer.of(3, 0, 0, 4), Buffer.of(3, 0, 0xff, 0xff)],
  ...[Buffer.from('15030300020228', 'hex'), Buffer.from('HTTP/1.1 400 x\r\n')],
)
const bytes = fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 600 }), almostRdp)
const step = fc.oneof(
  { weight: 3, arbitrary: almostRdp.map((response): Step => ({ reply: () => response })) },
  bytes.map((send): Step => ({ send })),
  bytes.map((drip): Step => ({ drip, everyMs: 1 })),
)
const script = fc
  .tuple(fc.array(step, { maxLength: 6 }), fc.constantFrom<Step>('hang', 'end', 'reset'))
  .map(([steps, last]): Step[] => [...steps, last])

describe('probeRdp and hostile peers', () => {
  test('never throws, keeps its deadline and leaves nothing behind', async () => {
    const together = 25 // so that many wait for their deadlines at the same time
    await fc.assert(
      fc.asyncProperty(fc.array(script, { minLength: together, maxLength: together }), async (scripts) => {
        const peers = await Promise.all(scripts.map((steps) => startHostile(steps)))
        const seen = await Promise.all(peers.map((peer) => probe(peer)))
        await Promise.all(peers.map((peer) => peer.stop()))
        for (const { state, facts } of seen)
          expect({ state, protocol: facts.protocol }).toEqual({ state: 'open', protocol: undefined })
      }),
      { numRuns: 10 },
    )
  })

  test.each<[string, readonly Step[], string]>([
    ['drips bytes of no protocol', hostile.drip(), 'protocol-mismatch'],
    ['drips its response', [{ drip: selection(1), everyMs: 50 }, 'hang'], 'protocol-timeout'],
    ['floods with bytes of no protocol', hostile.flood(), 'protocol-mismatch'],
    [
      'floods with responses',
      hostile.flood(Buffer.concat(Array<Buffer>(2_000).fill(selection(1)))),
      'protocol-violation',
    ],
  ])('ends with the deadline when a peer %s', async (_what, steps, reason) => {
    await using peer = await startHostile(steps)
    expect((await probe(peer)).reason).toBe(reason)
  })
})
