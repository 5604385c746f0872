import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { probeSmb } from '../../../src/probes/smb/probe.ts'
import { hostile, type Step, startHostile } from '../../support/peers/hostile.ts'
import { inTime, watchedIo } from '../../support/watched-io.ts'
import { challengeResponse, negotiateResponse, smb1Response, smb2Error } from './responses.ts'

const generous = 5_000
const short = 500

/** Probes, and makes sure that nothing is left behind and the deadline held. */
async function probe({ host, port }: { host: string; port: number }, deadlineMs: number) {
  const io = watchedIo({ deadlineMs })
  const endpoint = { host, address: host, port }
  const seen = await inTime(deadlineMs, probeSmb(endpoint, { offerDialects: ['SMB1', 'SMB2.1'] }, io))
  expect(io.left()).toEqual({ sockets: 0, waits: 0 })
  return seen
}

const negotiated = negotiateResponse()
const almostSmb = fc.constantFrom<Uint8Array>(
  ...[negotiated, challengeResponse({ 1: 'FILES1', 3: 'files1' }), smb1Response(), smb2Error(0x103)],
  ...[
    negotiated.subarray(0, 70),
    Buffer.of(0, 0, 0, 0),
    Buffer.of(0, 0xff, 0xff, 0xff),
    Buffer.from('HTTP/1.1 400\r\n'),
  ],
)
const bytes = fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 600 }), almostSmb)
const step = fc.oneof(
  { weight: 3, arbitrary: almostSmb.map((response): Step => ({ reply: () => response })) },
  bytes.map((send): Step => ({ send })),
  bytes.map((drip): Step => ({ drip, everyMs: 1 })),
)
const script = fc
  .tuple(fc.array(step, { maxLength: 6 }), fc.constantFrom<Step>('hang', 'end', 'reset'))
  .map(([steps, last]): Step[] => [...steps, last])

describe('probeSmb and hostile peers', () => {
  test('never throws, keeps its deadline and leaves nothing behind', async () => {
    const together = 25 // so that many wait for their deadlines at the same time
    await fc.assert(
      fc.asyncProperty(fc.array(script, { minLength: together, maxLength: together }), async (scripts) => {
        const peers = await Promise.all(scripts.map((steps) => startHostile(steps)))
        const seen = await Promise.all(peers.map((peer) => probe(peer, short)))
        await Promise.all(peers.map((peer) => peer.stop()))
        for (const { state } of seen) expect(state).toBe('open')
      }),
      { numRuns: 10 },
    )
  })

  test.each<[string, readonly Step[], string]>([
    ['drips bytes of no protocol', hostile.drip(), 'protocol-mismatch'],
    ['drips its response', [{ drip: negotiated, everyMs: 20 }, 'hang'], 'protocol-timeout'],
    ['says without end that it is busy', hostile.flood(smb2Error(0x103)), 'response-too-large'],
    ['floods with bytes of no protocol', hostile.flood(), 'protocol-mismatch'],
  ])('ends with the deadline when a peer %s', async (_what, steps, reason) => {
    await using peer = await startHostile(steps)
    expect((await probe(peer, short)).reason).toBe(reason)
  })

  test('reports that a peer breaks off at any byte', async () => {
    for (let cut = 1; cut < negotiated.length; cut += 1) {
      await using peer = await startHostile([{ receive: 1 }, { send: negotiated.subarray(0, cut) }, 'end'])
      const { reason, facts } = await probe(peer, generous)
      expect({ cut, reason, facts }).toEqual({ cut, reason: 'connection-closed', facts: {} })
    }
  })
})
