import { describe, expect, test } from 'vitest'
import { probeSmb } from '../../../src/probes/smb/probe.ts'
import { endure, probeInTime } from '../../support/endure.ts'
import { hostile, type Step, startHostile } from '../../support/peers/hostile.ts'
import { challengeResponse, negotiateResponse, smb1Response, smb2Error } from './responses.ts'

const generous = 5_000
const short = 500

const probe = ({ host, port }: { host: string; port: number }, deadlineMs: number) =>
  probeInTime(deadlineMs, (io) => probeSmb({ host, address: host, port }, { offerDialects: ['SMB1', 'SMB2.1'] }, io))

const negotiated = negotiateResponse()
const almost: Uint8Array[] = [
  ...[negotiated, challengeResponse({ 1: 'FILES1', 3: 'files1' }), smb1Response(), smb2Error(0x103)],
  ...[
    negotiated.subarray(0, 70),
    Buffer.of(0, 0, 0, 0),
    Buffer.of(0, 0xff, 0xff, 0xff),
    Buffer.from('HTTP/1.1 400\r\n'),
  ],
]

describe('probeSmb and hostile peers', () => {
  test('never throws, keeps its deadline and leaves nothing behind', async () => {
    await endure(
      almost,
      (peer) => probe(peer, short),
      ({ state }) => expect(state).toBe('open'),
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
