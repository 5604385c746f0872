import { describe, expect, test } from 'vitest'
import { probeMssql } from '../../../src/probes/mssql/probe.ts'
import { endure, probeInTime } from '../../support/endure.ts'
import { hostile, type Step, startHostile } from '../../support/peers/hostile.ts'
import { packet, preloginResponse } from './responses.ts'

const short = 500

const probe = ({ host, port }: { host: string; port: number }, deadlineMs = short) =>
  probeInTime(deadlineMs, (io) =>
    probeMssql({ host: 'sql.lab.test', address: host, port }, { offerVersions: ['TLSv1'] }, io),
  )

const alert = Buffer.from('15030300020228', 'hex')
const almost: Uint8Array[] = [
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
]

describe('probeMssql and hostile peers', () => {
  test('never throws, keeps its deadline and leaves nothing behind', async () => {
    await endure(
      almost,
      (peer) => probe(peer),
      ({ state, facts }) => expect({ state, protocol: facts.protocol }).toEqual({ state: 'open', protocol: undefined }),
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
