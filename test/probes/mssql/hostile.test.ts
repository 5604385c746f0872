import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { probeMssql } from '../../../src/probes/mssql/probe.ts'
import { hostile, type Step, startHostile } from '../../support/peers/hostile.ts'
import { inTime, watchedIo } from '../../support/watched-io.ts'
import { packet, preloginResponse } from './responses.ts'

const short = 500

/** Probes, and makes sure that nothing is left behind and the deadline held. */
async function probe({ host, port }: { host: string; port: number }, deadlineMs = short) {
  const io = watchedIo({ deadlineMs })
  const endpoint = { host: 'sql.lab.test', address: host, port }
  const seen = await inTime(deadlineMs, probeMssql(endpoint, { offerVersions: ['TLSv1'] }, io))
  expect(io.left()).toEqual({ sockets: 0, waits: 0 })
  return seen
}

const alert = Buffer.from('15030300020228', 'hex')
const almostTds = fc.constantFrom<Uint8Array>(
  ...[
    preloginResponse(0),
    preloginResponse(2),
    preloginResponse(3),
    packet(alert, 0x12),
    packet(Buffer.alloc(0), 0x12),
  ],
  ...[
    preloginResponse(3).subarray(0, 12),
    Buffer.from('0401ffff00000100', 'hex'),
    alert,
    Buffer.from('HTTP/1.1 400 x\r\n'),
  ],
)
const bytes = fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 600 }), almostTds)
const step = fc.oneof(
  { weight: 3, arbitrary: almostTds.map((response): Step => ({ reply: () => response })) },
  bytes.map((send): Step => ({ send })),
  bytes.map((drip): Step => ({ drip, everyMs: 1 })),
)
const script = fc
  .tuple(fc.array(step, { maxLength: 6 }), fc.constantFrom<Step>('hang', 'end', 'reset'))
  .map(([steps, last]): Step[] => [...steps, last])

describe('probeMssql and hostile peers', () => {
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
    ['drips its response', [{ drip: preloginResponse(3), everyMs: 30 }, 'hang'], 'protocol-timeout'],
    ['floods with bytes of no protocol', hostile.flood(), 'protocol-mismatch'],
    [
      'floods a broken handshake with packets',
      [
        { reply: () => preloginResponse(3) },
        { receive: 1 },
        { send: packet(Buffer.concat([Buffer.from('1603030fff', 'hex'), Buffer.alloc(2_000)]), 0x12) },
        { send: Buffer.concat(Array<Buffer>(40).fill(packet(Buffer.alloc(4_000), 0x12))) },
        'hang',
      ],
      'tls-handshake-failed',
    ],
  ])('ends with the deadline when a peer %s', async (_what, steps, reason) => {
    await using peer = await startHostile(steps)
    expect((await probe(peer)).reason).toBe(reason)
  })
})
