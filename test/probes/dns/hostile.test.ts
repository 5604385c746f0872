import { encode, type Packet } from 'dns-packet'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { OptionsByProtocol } from '../../../src/domain/protocols/index.ts'
import { probeDns } from '../../../src/probes/dns/probe.ts'
import { probeInTime } from '../../support/endure.ts'
import { hostile, type Step, startHostile } from '../../support/peers/hostile.ts'

const generous = 5_000
const short = 500
const zone = 'lab.test'
const service = '_ldap._tcp.lab.test'
const everything = { zone, services: [service], zoneTransfer: true, recursion: true }

const probe = (
  { host, port }: { host: string; port: number },
  deadlineMs: number,
  options: OptionsByProtocol['dns'] = everything,
) => probeInTime(deadlineMs, (io) => probeDns({ host, address: host, port }, options, io))

const [available, authoritative] = [0x80, 0x400]
const [servfail, nxdomain, refused] = [2, 3, 5]

/** A message with its length, as the response to the query that came. */
function respond(query: Buffer, flags: number, parts: Packet = {}): Buffer {
  const message = encode({ type: 'response', id: query.readUInt16BE(2), flags, ...parts })
  return withLength(message)
}

function withLength(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(2)
  prefix.writeUInt16BE(message.length)
  return Buffer.concat([prefix, message])
}

const always = (flags: number, parts?: Packet): Step[] => [{ reply: (query) => respond(query, flags, parts) }, 'repeat']
/** The header of the response, and then these bytes instead of its sections. */
const raw = (counts: string, sections: Uint8Array): Step[] => [
  {
    reply: (query) =>
      withLength(Buffer.concat([query.subarray(2, 4), Buffer.from(`8400${counts}`, 'hex'), Buffer.from(sections)])),
  },
  'hang',
]

const soa = (name = zone, mname = 'ns1.lab.test') =>
  ({ type: 'SOA', name, data: { mname, rname: 'admin.lab.test' } }) as const
const srv = (target: string) => ({ type: 'SRV', name: service, data: { port: 389, target } }) as const

const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 })
const step = fc.oneof(
  bytes.map((send): Step => ({ send })),
  bytes.map(
    (sections): Step => ({
      reply: (query) => withLength(Buffer.concat([query.subarray(2, 4), Buffer.of(0x84, 0), sections])),
    }),
  ),
  fc
    .nat({ max: 15 })
    .map((code): Step => ({ reply: (query) => respond(query, authoritative | code, { answers: [soa()] }) })),
  bytes.map((drip): Step => ({ drip, everyMs: 1 })),
)
const script = fc
  .tuple(fc.array(step, { maxLength: 4 }), fc.constantFrom<Step>('hang', 'end', 'reset'))
  .map(([steps, last]): Step[] => [...steps, last])

describe('probeDns and hostile peers', () => {
  test('never throws, keeps its deadline and leaves nothing behind', async () => {
    const together = 25
    await fc.assert(
      fc.asyncProperty(fc.array(script, { minLength: together, maxLength: together }), async (scripts) => {
        const peers = await Promise.all(scripts.map((steps) => startHostile(steps)))
        const seen = await Promise.all(peers.map((peer) => probe(peer, short)))
        await Promise.all(peers.map((peer) => peer.stop()))
        for (const { state, facts } of seen) {
          expect(state).toBe('open')
          expect(facts.dns?.zoneTransfer?.outcome).not.toBe('allowed')
        }
      }),
      { numRuns: 8 },
    )
  })

  test.each<[string, readonly Step[], string, string | undefined]>([
    ['nothing', hostile.silent, 'protocol-timeout', 'nothing'],
    ['SSH', hostile.ssh, 'protocol-mismatch', 'ssh'],
    ['SMTP', hostile.smtp, 'protocol-mismatch', 'smtp'],
    ['HTTP', hostile.http, 'protocol-mismatch', 'http'],
    ['bytes without end', hostile.flood(), 'protocol-mismatch', 'other'],
    ['single bytes', hostile.drip(), 'protocol-mismatch', 'other'],
    ['its question', [{ reply: (query) => query }, 'hang'], 'protocol-mismatch', 'other'],
    [
      'less than it announces',
      [{ reply: (query) => respond(query, 0).subarray(0, 13) }, 'hang'],
      'protocol-timeout',
      undefined,
    ],
    [
      'a message that is shorter than a header',
      [{ reply: (query) => Buffer.concat([Buffer.of(0, 4), respond(query, 0).subarray(2)]) }, 'hang'],
      'protocol-violation',
      undefined,
    ],
    ['another question', always(0, { questions: [{ name: 'x.test', type: 'A' }] }), 'protocol-violation', undefined],
    [
      'a name that points at itself',
      raw('0001000000000000', Buffer.from('c00c00020001', 'hex')),
      'protocol-violation',
      undefined,
    ],
    ['records that are not there', raw('0000ffff00000000', Buffer.alloc(0)), 'protocol-violation', undefined],
    ['many questions', raw('ffff000000000000', Buffer.alloc(600)), 'protocol-violation', undefined],
  ])('recognizes %s', async (_what, steps, reason, spoke) => {
    await using peer = await startHostile(steps)
    const seen = await probe(peer, short)
    expect({ state: seen.state, reason: seen.reason, spoke: seen.facts.spoke }).toEqual({
      state: 'open',
      reason,
      spoke,
    })
  })

  test('follows long chains of pointers in bounded time', async () => {
    const pointers = Buffer.alloc(65_000)
    for (let at = 2; at < 0x3ff0; at += 2) pointers.writeUInt16BE(0xc000 | (at + 10), at)
    await using peer = await startHostile(raw('0000ffff00000000', pointers))
    expect((await probe(peer, generous)).reason).toBe('protocol-violation')
  })

  test('opens a new connection where the server closes after each response', async () => {
    await using peer = await startHostile([{ reply: (query) => respond(query, refused) }, 'end'])
    const { reason, facts } = await probe(peer, generous)
    expect(reason).toBe('dns-responded')
    expect(facts.dns).toMatchObject({ zone: { rcode: 'REFUSED' }, missing: [`${service} REFUSED`] })
  })

  test.each<[string, number, string]>([
    ['finds a name', available, 'offered'],
    ['tries in vain', available | servfail, 'offered'],
    ['finds that a name does not exist', available | nxdomain, 'offered'],
    ['refuses', available | refused, 'refused'],
    ['responds without recursion', 0, 'refused'],
  ])('a server that %s shows whether it offers recursion', async (_what, flags, recursion) => {
    await using peer = await startHostile(always(flags))
    expect((await probe(peer, generous, { recursion: true })).facts.dns?.recursion).toBe(recursion)
  })

  test('a server that cannot parse the query for the root is sent another name', async () => {
    const isRoot = (query: Buffer) => query[14] === 0
    await using peer = await startHostile([
      { reply: (query) => respond(query, available | (isRoot(query) ? 1 : nxdomain)) },
      'repeat',
    ])
    expect((await probe(peer, generous, { recursion: true })).facts.dns).toEqual({
      rcode: 'FORMERR',
      recursion: 'offered',
    })
    await using none = await startHostile(always(available | 1))
    expect((await probe(none, generous, { recursion: true })).facts.dns).toEqual({ rcode: 'FORMERR' })
  })

  test('a server that does not respond where recursion is desired shows the rest', async () => {
    const desiresRecursion = (query: Buffer) => ((query[4] ?? 0) & 1) === 1
    const answers = { answers: [soa()] }
    await using peer = await startHostile([
      { reply: (query) => (desiresRecursion(query) ? '' : respond(query, authoritative | available, answers)) },
      'repeat',
    ])
    const { reason, facts } = await probe(peer, short, { zone, recursion: true })
    expect({ reason, zone: facts.dns?.zone?.authoritative }).toEqual({ reason: 'protocol-timeout', zone: true })
    expect(facts.dns).not.toHaveProperty('recursion')
    const { reason: calm, facts: known } = await probe(peer, generous, { zone })
    expect({ reason: calm, dns: known.dns }).toMatchObject({
      reason: 'dns-responded',
      dns: { zone: { authoritative: true } },
    })
  })

  const isTransfer = (query: Buffer) => query.includes(Buffer.from('00fc0001', 'hex'))
  const transfer = (then: (query: Buffer) => Uint8Array): Step[] => [
    { reply: (query) => (isTransfer(query) ? then(query) : respond(query, authoritative, { answers: [soa()] })) },
    'repeat',
  ]
  test.each<[string, readonly Step[], string]>([
    ['sends its records', transfer((query) => respond(query, 0, { answers: [soa(), soa()] })), 'allowed'],
    [
      'sends one record in a message',
      transfer((query) =>
        Buffer.concat([respond(query, 0, { answers: [soa()] }), respond(query, 0, { answers: [soa()] })]),
      ),
      'allowed',
    ],
    ['sends the SOA alone', transfer((query) => respond(query, 0, { answers: [soa()] })), 'unclear'],
    ['sends another record first', transfer((query) => respond(query, 0, { answers: [srv('x'), soa()] })), 'unclear'],
    ['fails', transfer((query) => respond(query, servfail)), 'unclear'],
    ['refuses and sends records', transfer((query) => respond(query, refused, { answers: [soa()] })), 'unclear'],
    ['sends no record', transfer((query) => respond(query, 0)), 'refused'],
    ['refuses', transfer((query) => respond(query, refused)), 'refused'],
  ])('a server that %s shows whether it transfers its zone', async (_what, steps, outcome) => {
    await using peer = await startHostile(steps)
    const { facts } = await probe(peer, short, { zone, zoneTransfer: true })
    expect(facts.dns?.zoneTransfer?.outcome).toBe(outcome)
  })

  test('keeps bounded and escaped names', async () => {
    const targets = Array.from({ length: 300 }, (_, at) => srv(`${at}-\x1b[2J${'a'.repeat(40)}.${'b'.repeat(60)}`))
    await using peer = await startHostile(always(authoritative, { answers: [soa(zone, '\x1b]0;x.test'), ...targets] }))
    const { facts } = await probe(peer, generous, { zone, services: [service] })
    expect(facts.dns?.zone?.primary).toBe('\\x1b]0;x.test')
    expect(facts.dns?.records?.length).toBeLessThanOrEqual(100)
    expect(facts.dns?.records?.every((record) => /^[ -~]{1,600}$/.test(record))).toBe(true)
  })
})
