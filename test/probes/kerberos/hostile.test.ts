import { describe, expect, test } from 'vitest'
import { probeKerberos } from '../../../src/probes/kerberos/probe.ts'
import { endure, probeInTime } from '../../support/endure.ts'
import { startDatagramPeer } from '../../support/peers/datagrams.ts'
import { hostile, type Step, startHostile } from '../../support/peers/hostile.ts'

const generous = 5_000
const short = 500

const options = { realm: 'LAB.TEST', askKrbtgt: true, maxClockSkewSeconds: 300 }
const probe = ({ host, port }: { host: string; port: number }, deadlineMs: number, more: { transport?: 'udp' } = {}) =>
  probeInTime(deadlineMs, (io) => probeKerberos({ host, address: host, port }, { ...options, ...more }, io))

/** A KRB-ERROR of MIT Kerberos with code 6, and the offset of that code. */
const recorded = Buffer.from(
  '000000a37e81a030819da003020105a10302011ea411180f32303236313230313031323730335aa5050203019ccea603020106a70a1b084c41422e54' +
    '455354a8273025a003020101a11e301c1b1a706f727477617264656e2d6e6f626f64792d3566326338316434a90a1b084c41422e54455354aa1d30' +
    '1ba003020102a11430121b066b72627467741b084c41422e54455354ab121b10434c49454e545f4e4f545f464f554e44',
  'hex',
)
const codeAt = recorded.indexOf(Buffer.from('a603020106', 'hex')) + 4

const withCode = (code: number) => {
  const bytes = Buffer.from(recorded)
  bytes[codeAt] = code
  return bytes
}
const respond = (bytes: Buffer): Step[] => [{ reply: () => bytes }, 'hang']

const almost = [
  recorded,
  withCode(25),
  withCode(68),
  recorded.subarray(0, 80),
  Buffer.alloc(4),
  Buffer.from('000000047e023000', 'hex'),
]

describe('probeKerberos and hostile peers', () => {
  test('never throws, keeps its deadline and leaves nothing behind', async () => {
    await endure(
      almost,
      (peer) => probe(peer, short),
      ({ state }) => expect(state).toBe('open'),
    )
  })

  test.each<[string, readonly Step[], string, string | undefined]>([
    ['says nothing', hostile.silent, 'protocol-timeout', 'nothing'],
    ['drips the length of a message', [{ drip: recorded, everyMs: 50 }], 'protocol-timeout', undefined],
    ['announces more than it sends', respond(Buffer.from('0000ffff7e', 'hex')), 'protocol-timeout', undefined],
  ])('ends with the deadline when a peer %s', async (_what, steps, reason, spoke) => {
    await using peer = await startHostile(steps)
    const seen = await probe(peer, short)
    expect({ reason: seen.reason, spoke: seen.facts.spoke }).toEqual({ reason, spoke })
  })

  test.each<[string, readonly Step[], string, string | undefined]>([
    ['SSH', hostile.ssh, 'protocol-mismatch', 'ssh'],
    ['SMTP', hostile.smtp, 'protocol-mismatch', 'smtp'],
    ['HTTP', hostile.http, 'protocol-mismatch', 'http'],
    ['bytes without end', hostile.flood(), 'protocol-mismatch', 'other'],
    ['an empty message', respond(Buffer.alloc(4)), 'protocol-mismatch', 'other'],
    ['a message of LDAP', respond(Buffer.from('00000002300c', 'hex')), 'protocol-mismatch', 'other'],
    [
      'a message with bytes behind it',
      respond(Buffer.from('000000047e003000', 'hex')),
      'protocol-violation',
      undefined,
    ],
    ['an empty KRB-ERROR', respond(Buffer.from('000000027e00', 'hex')), 'protocol-violation', undefined],
    ['an AS-REP without fields', respond(Buffer.from('000000046b023000', 'hex')), 'protocol-violation', undefined],
    ['an element that exceeds it', respond(Buffer.from('000000047e82ffff', 'hex')), 'protocol-violation', undefined],
  ])('recognizes %s', async (_what, steps, reason, spoke) => {
    await using peer = await startHostile(steps)
    const seen = await probe(peer, generous)
    expect({ reason: seen.reason, spoke: seen.facts.spoke }).toEqual({ reason, spoke })
  })

  test.each(['reset', 'end'] as const)('reports a peer that breaks off (%s) at any byte', async (ending) => {
    const broken = ending === 'reset' ? 'connection-reset' : 'connection-closed'
    for (let cut = 5; cut < recorded.length; cut += 9) {
      await using peer = await startHostile([{ reply: () => recorded.subarray(0, cut) }, { pauseMs: 2 }, ending])
      expect({ cut, ...(await probe(peer, generous)) }).toMatchObject({ cut, reason: broken, facts: {} })
    }
  })

  test('a KDC that says "wrong realm" does not serve the realm', async () => {
    await using peer = await startHostile(respond(withCode(68)))
    const { facts } = await probe(peer, generous)
    expect(facts.kerberos).toMatchObject({ errorName: 'KDC_ERR_WRONG_REALM', realm: { served: false } })
  })

  test('a KDC that says "wrong realm" of another one serves the realm', async () => {
    const forRealm = (request: Buffer) => (request.includes('PORTWARDEN.INVALID') ? withCode(68) : recorded)
    await using peer = await startHostile([{ reply: forRealm }, 'hang'])
    const { facts } = await probe(peer, generous)
    expect(facts.kerberos?.realm).toEqual({ name: 'LAB.TEST', served: true })
  })

  test('a KDC that knows every client of every realm shows no realm', async () => {
    await using peer = await startHostile(respond(withCode(25)))
    const { facts } = await probe(peer, generous)
    expect(facts.kerberos).toMatchObject({ errorCode: 25, realm: { name: 'LAB.TEST' } })
    expect(facts.kerberos?.realm).not.toHaveProperty('served')
  })

  test('a clock of years ago is beyond every limit', async () => {
    const old = Buffer.from(recorded)
    old.write('1999', old.indexOf('2026'))
    await using peer = await startHostile(respond(old))
    const { facts, measurements } = await probe(peer, generous)
    expect(facts.kerberos?.clock).toEqual({ limitSeconds: 300, within: false })
    expect(measurements?.clockSkewMs).toBeLessThan(-20 * 365 * 86_400_000)
  })
})

describe('probeKerberos over UDP', () => {
  test.each<[string, Buffer, string]>([
    ['a KRB-ERROR', recorded.subarray(4), 'kerberos-responded'],
    ['"response too big"', withCode(52).subarray(4), 'kerberos-responded'],
    ['a truncated one', recorded.subarray(4, 40), 'protocol-violation'],
    ['an empty datagram', Buffer.alloc(0), 'protocol-mismatch'],
    ['something else', Buffer.from('SSH-2.0-x\r\n'), 'protocol-mismatch'],
  ])('recognizes %s', async (_what, datagram, reason) => {
    await using peer = await startDatagramPeer(() => [datagram])
    expect(await probe(peer, generous, { transport: 'udp' })).toMatchObject({ state: 'open', reason })
  })

  test('does not know a silent port', async () => {
    await using peer = await startDatagramPeer(() => [])
    const { state, reason, facts } = await probe(peer, short, { transport: 'udp' })
    expect({ state, reason, facts }).toEqual({ state: 'unknown', reason: 'udp-no-response', facts: {} })
  })
})
