import { describe, expect, test } from 'vitest'
import { probeRedis } from '../../../src/probes/redis/probe.ts'
import { endure, probeInTime } from '../../support/endure.ts'
import { hostile, type Step, startHostile } from '../../support/peers/hostile.ts'

const short = 500

const probe = ({ host, port }: { host: string; port: number }, deadlineMs = short) =>
  probeInTime(deadlineMs, (io) =>
    probeRedis({ host: 'redis.lab.test', address: host, port }, { offerVersions: ['TLSv1'] }, io),
  )

const denied = '-DENIED Redis is running in protected mode because protected mode is enabled.\r\n'
const alert = Buffer.from('15030300020228', 'hex')
const almost: Uint8Array[] = [
  ...[
    '+PONG\r\n',
    '+PON',
    '-NOAUTH Authentication required.\r\n',
    denied,
    '-\r\n',
    '$4\r\nPONG\r\n',
    'HTTP/1.1 400 x\r\n',
  ].map((text) => Buffer.from(text)),
  alert,
]

describe('probeRedis and hostile peers', () => {
  test('never throws, keeps its deadline and leaves nothing behind', async () => {
    await endure(
      almost,
      (peer) => probe(peer),
      ({ state, facts }) => expect({ state, protocol: facts.protocol }).toEqual({ state: 'open', protocol: undefined }),
    )
  })

  test.each<[string, readonly Step[], string]>([
    ['denies before any request, as in protected mode', [{ send: denied }, 'end'], 'redis-protected-mode'],
    ['refuses for another reason', [{ reply: () => '-LOADING wait\r\n' }, 'hang'], 'redis-refused'],
    [
      'refuses in the words of old versions',
      [{ reply: () => '-ERR operation not permitted\r\n' }, 'hang'],
      'redis-authentication-required',
    ],
    ['responds with another type', [{ reply: () => '$4\r\nPONG\r\n' }, 'hang'], 'protocol-mismatch'],
    ['responds with an error without a code', [{ reply: () => '-no\r\n' }, 'hang'], 'protocol-mismatch'],
    ['says nothing', ['hang'], 'protocol-timeout'],
    ['drips its response', [{ drip: '+PONG'.padEnd(60), everyMs: 30 }, 'hang'], 'protocol-timeout'],
    ['drips bytes of no protocol', hostile.drip(), 'protocol-mismatch'],
    ['floods with bytes of no protocol', hostile.flood(), 'protocol-mismatch'],
    ['closes immediately', ['end'], 'connection-closed'],
  ])('ends in time when a peer %s', async (_what, steps, reason) => {
    await using peer = await startHostile(steps)
    expect((await probe(peer)).reason).toBe(reason)
  })

  test('keeps no text of an error but its code', async () => {
    await using peer = await startHostile([{ reply: () => `-NOPERM ${'\x1b'.repeat(300)}\r\n` }, 'hang'])
    expect((await probe(peer)).facts).toEqual({ redis: { encryption: 'none', error: 'NOPERM' } })
  })
})
