import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { encodeUint32 } from '../../../src/probes/ssh/fields.ts'
import { encodePacket, messages } from '../../../src/probes/ssh/packet.ts'
import { probeSsh } from '../../../src/probes/ssh/probe.ts'
import { hostile, type Step, startHostile } from '../../support/peers/hostile.ts'
import { startSshRelay } from '../../support/peers/ssh-relay.ts'
import { startSshServer } from '../../support/peers/ssh-server.ts'
import { inTime, watchedIo } from '../../support/watched-io.ts'

interface Address {
  host: string
  port: number
}

/** Runs one probe, which must keep its deadline and release everything. */
async function runProbe({ host, port }: Address, deadlineMs: number) {
  const io = watchedIo({ deadlineMs })
  const seen = await inTime(deadlineMs, probeSsh({ host, address: host, port }, {}, io))
  expect(io.left()).toEqual({ sockets: 0, waits: 0 })
  return seen
}

const identification = 'SSH-2.0-peer\r\n'
const generous = 5_000
const short = 500

const bytes = fc.uint8Array({ minLength: 1, maxLength: 600 })
const almostSsh = fc.constantFrom<Uint8Array>(
  ...[identification, 'SSH-', 'SSH-1.99-x\n', 'HTTP/1.1 400 Bad Request\r\n', 'welcome\r\n', '\n'].map(Buffer.from),
  ...[encodePacket(Buffer.of(messages.kexInit)), encodePacket(Buffer.of(messages.ignore)), encodeUint32(262_144)],
)
const step = fc.oneof(
  fc.oneof(bytes, almostSsh).map((send): Step => ({ send })),
  fc.oneof(bytes, almostSsh).map((drip): Step => ({ drip, everyMs: 1 })),
  fc.nat(30).map((receive): Step => ({ receive })),
)
const script = fc
  .tuple(fc.array(step, { maxLength: 8 }), fc.constantFrom<Step>('hang', 'end', 'reset'))
  .map(([steps, last]) => [...steps, last])

describe('probeSsh with hostile peers', () => {
  test('never throws, keeps its deadline and releases everything, for any bytes and any ending', async () => {
    const together = 25 // so that many deadlines pass concurrently
    await fc.assert(
      fc.asyncProperty(fc.array(script, { minLength: together, maxLength: together }), async (scripts) => {
        const peers = await Promise.all(scripts.map((steps) => startHostile(steps)))
        const seen = await Promise.all(peers.map((peer) => runProbe(peer, short)))
        await Promise.all(peers.map((peer) => peer.stop()))
        for (const { state, facts } of seen)
          expect({ state, key: facts.hostKey }).toEqual({ state: 'open', key: undefined })
      }),
      { numRuns: 10 },
    )
  })

  test.each<[string, readonly Step[], string]>([
    ['drips an endless line', hostile.drip(), 'protocol-timeout'],
    ['drips endless lines', hostile.drip('a line of some length\r\n', 5), 'protocol-timeout'],
    ['sends a line, and then nothing', hostile.banner('Please wait.\r\n'), 'protocol-timeout'],
    ...[
      '220 (vsFTPd 3.0.5)',
      '+OK POP3 ready',
      '* OK [CAPABILITY IMAP4rev1] ready',
      "-ERR unknown command 'SSH-2.0-x'",
      'RFB 003.008',
    ].map((line): [string, readonly Step[], string] => [
      `greets with "${line}"`,
      hostile.banner(`${line}\r\n`),
      'protocol-mismatch',
    ]),
    [
      'drips SSH_MSG_IGNORE packets',
      [{ send: identification }, { drip: ignored(1_000), everyMs: 1 }],
      'protocol-timeout',
    ],
    [
      'announces a packet that never arrives',
      hostile.banner(Buffer.from(`${identification}\0\0\x88\xb4\x04`, 'latin1')),
      'protocol-timeout',
    ],
  ])('ends with the deadline when a peer %s', async (_what, steps, reason) => {
    await using peer = await startHostile(steps)
    const { reason: seen, facts } = await runProbe(peer, short)
    expect({ seen, key: facts.hostKey }).toEqual({ seen: reason, key: undefined })
  })

  test.each<[string, Step[], string]>([
    ['of bytes without a line', hostile.flood(), 'protocol-mismatch'],
    ['of lines', hostile.flood('welcome\r\n'.repeat(1_000)), 'protocol-mismatch'],
    ['of SSH_MSG_IGNORE packets', [{ send: identification }, { send: ignored(10_000) }, 'hang'], 'response-too-large'],
  ])('does not read a flood %s to its end', async (_what, steps, reason) => {
    await using peer = await startHostile(steps)
    expect((await runProbe(peer, generous)).reason).toBe(reason)
  })

  test('refuses every packet whose lengths RFC 4253 section 6 forbids, without waiting for the rest of it', async () => {
    const headers = fc
      .tuple(fc.oneof(fc.nat(64), fc.integer({ min: 262_100, max: 262_200 }), fc.nat(0xffff_ffff)), fc.nat(255))
      .filter(([length, padding]) => {
        const wellSized = length + 4 >= 16 && length <= 262_144 && (length + 4) % 8 === 0
        return !wellSized || padding < 4 || padding > length - 2
      })
    await fc.assert(
      fc.asyncProperty(headers, async ([length, padding]) => {
        const header = Buffer.concat([Buffer.from(identification), encodeUint32(length), Buffer.of(padding)])
        await using peer = await startHostile(hostile.banner(header))
        expect((await runProbe(peer, generous)).reason).toBe('protocol-violation')
      }),
    )
  })
})

function ignored(packets: number): Buffer {
  const packet = encodePacket(Buffer.of(messages.ignore))
  return Buffer.alloc(packets * packet.length, packet)
}

describe('probeSsh with a recorded exchange', () => {
  let recorded: Buffer
  beforeAll(async () => {
    await using server = await startSshServer()
    await using relay = await startSshRelay(server)
    expect((await runProbe(relay, generous)).reason).toBe('ssh-ok')
    recorded = relay.recorded()
  })

  test('never accepts a replay', async () => {
    await using peer = await startHostile(hostile.banner(recorded))
    expect((await runProbe(peer, generous)).facts.hostKey?.verified).toBe(false)
  })

  test.each(['reset', 'end'] as const)('keeps its facts if the peer ends (%s) at any byte', async (ending) => {
    const lineBytes = recorded.indexOf('\n') + 1
    for (let cut = 0; cut < recorded.length; cut += 1) {
      await using peer = await startHostile([{ send: recorded.subarray(0, cut) }, { receive: 1 }, ending])
      const { reason, facts } = await runProbe(peer, generous)
      const broken = ending === 'reset' ? 'connection-reset' : 'connection-closed'
      expect({ cut, reason }).toEqual({ cut, reason: cut < lineBytes ? broken : 'ssh-refused' })
      expect(facts.identification).toBe(cut < lineBytes ? undefined : 'SSH-2.0-peer')
      expect(facts.hostKey).toBeUndefined()
    }
  })

  test('never accepts an exchange with one changed bit', async () => {
    const covered = signedBits(recorded)
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...covered), async (bit) => {
        await using server = await startSshServer({ alter: flipping(bit) })
        const { facts } = await runProbe(server, short)
        expect(facts.hostKey?.verified ?? false).toBe(false)
      }),
      { numRuns: 200 },
    )
  })
})

/** Every bit except padding, the CR and what RFC 4253 section 8 leaves unsigned. */
function signedBits(recorded: Buffer): number[] {
  const positions = range(0, recorded.indexOf('\r'))
  let offset = recorded.indexOf('\n') + 1
  while (offset < recorded.length) {
    const packetBytes = 4 + recorded.readUInt32BE(offset)
    positions.push(...range(offset, offset + packetBytes - recorded.readUInt8(offset + 4)))
    offset += packetBytes
  }
  return positions.flatMap((position) => range(8 * position, 8 * position + 8))
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index)

function flipping(bit: number) {
  const position = bit >> 3
  return (sent: Buffer, offset: number) => {
    const changed = Buffer.from(sent)
    const index = position - offset
    if (index >= 0 && index < changed.length) changed[index] = (changed[index] ?? 0) ^ (1 << (bit & 7))
    return changed
  }
}
