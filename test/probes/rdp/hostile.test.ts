import { describe, expect, test } from 'vitest'
import { probeRdp } from '../../../src/probes/rdp/probe.ts'
import { endure, probeInTime } from '../../support/endure.ts'
import { hostile, type Step, startHostile } from '../../support/peers/hostile.ts'
import { plainConfirm, refusal, selection } from './responses.ts'

const short = 500

const options = { offerVersions: ['TLSv1' as const], offerSecurities: ['standard' as const, 'tls' as const] }
const probe = ({ host, port }: { host: string; port: number }, deadlineMs = short) =>
  probeInTime(deadlineMs, (io) => probeRdp({ host: 'desktop.lab.test', address: host, port }, options, io))

const almost: Uint8Array[] = [
  ...[selection(0), selection(1), selection(8), refusal(2), refusal(5), plainConfirm],
  ...[selection(1).subarray(0, 12), Buffer.of(3, 0, 0, 4), Buffer.of(3, 0, 0xff, 0xff)],
  ...[Buffer.from('15030300020228', 'hex'), Buffer.from('HTTP/1.1 400 x\r\n')],
]

describe('probeRdp and hostile peers', () => {
  test('never throws, keeps its deadline and leaves nothing behind', async () => {
    await endure(
      almost,
      (peer) => probe(peer),
      ({ state, facts }) => expect({ state, protocol: facts.protocol }).toEqual({ state: 'open', protocol: undefined }),
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
