import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { probeSmtp } from '../../../src/probes/smtp/probe.ts'
import { hostile, type Step, startHostile } from '../../support/peers/hostile.ts'
import { inTime, watchedIo } from '../../support/watched-io.ts'

const generous = 5_000
const short = 500

/** Probes, and makes sure that nothing is left behind and the deadline held. */
async function probe({ host, port }: { host: string; port: number }, deadlineMs: number) {
  const io = watchedIo({ deadlineMs })
  const endpoint = { host: 'mail.lab.test', address: host, port }
  const seen = await inTime(deadlineMs, probeSmtp(endpoint, { offerVersions: ['TLSv1'] }, io))
  expect(io.left()).toEqual({ sockets: 0, waits: 0 })
  return seen
}

const greeting = '220 mail.lab.test ESMTP peer\r\n'
const offer = '250-mail.lab.test\r\n250 STARTTLS\r\n'
const almostSmtp = fc.constantFrom<Uint8Array>(
  ...[greeting, offer, '220 go\r\n', '220-', '421 bye\r\n', '500 what\r\n', '\r\n', 'HTTP/1.1 400 x\r\n'].map(
    Buffer.from,
  ),
  Buffer.from('15030300020228', 'hex'),
)
const bytes = fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 600 }), almostSmtp)
const step = fc.oneof(
  { weight: 3, arbitrary: almostSmtp.map((text): Step => ({ reply: () => text })) },
  bytes.map((send): Step => ({ send })),
  bytes.map((drip): Step => ({ drip, everyMs: 1 })),
)
const script = fc
  .tuple(fc.array(step, { maxLength: 8 }), fc.constantFrom<Step>('hang', 'end', 'reset'))
  .map(([steps, last]): Step[] => [{ send: greeting }, ...steps, last])

describe('probeSmtp and hostile peers', () => {
  test('never throws, keeps its deadline and leaves nothing behind', async () => {
    const together = 25 // so that many wait for their deadlines at the same time
    await fc.assert(
      fc.asyncProperty(fc.array(script, { minLength: together, maxLength: together }), async (scripts) => {
        const peers = await Promise.all(scripts.map((steps) => startHostile(steps)))
        const seen = await Promise.all(peers.map((peer) => probe(peer, short)))
        await Promise.all(peers.map((peer) => peer.stop()))
        for (const { state, facts } of seen)
          expect({ state, protocol: facts.protocol }).toEqual({ state: 'open', protocol: undefined })
      }),
      { numRuns: 10 },
    )
  })

  test.each<[string, readonly Step[], string]>([
    ['drips bytes without a line', hostile.drip(), 'protocol-mismatch'],
    ['drips an endless greeting', hostile.drip('220-still here\r\n', 5), 'protocol-timeout'],
    [
      'drips its extensions',
      [{ send: greeting }, { receive: 5 }, { drip: '250-X\r\n'.repeat(90), everyMs: 5 }],
      'protocol-timeout',
    ],
  ])('ends with the deadline when a peer %s', async (_what, steps, reason) => {
    await using peer = await startHostile(steps)
    expect((await probe(peer, short)).reason).toBe(reason)
  })

  test.each<[string, readonly Step[], string]>([
    ['bytes without a line', hostile.flood(), 'protocol-mismatch'],
    ['greetings', hostile.flood(greeting.repeat(2_000)), 'protocol-violation'],
    ['lines of one greeting', hostile.flood('220-mail\r\n'.repeat(5_000)), 'response-too-large'],
  ])('does not read a flood of %s to its end', async (_what, steps, reason) => {
    await using peer = await startHostile(steps)
    expect((await probe(peer, generous)).reason).toBe(reason)
  })

  test.each(['reset', 'end'] as const)(
    'reports what came before a peer breaks off (%s) at any byte',
    async (ending) => {
      const broken = ending === 'reset' ? 'connection-reset' : 'connection-closed'
      for (let cut = 0; cut < offer.length; cut += 1) {
        const steps: Step[] = [{ send: greeting }, { reply: () => offer.slice(0, cut) }, { pauseMs: 2 }, ending]
        await using peer = await startHostile(steps)
        const { reason, facts } = await probe(peer, generous)
        expect({ cut, reason, facts }).toEqual({ cut, reason: broken, facts: { smtp: { greeting: 'ESMTP peer' } } })
      }
    },
  )

  test('keeps a bounded number of extensions, each bounded and escaped', async () => {
    const lines = Array.from({ length: 95 }, () => `250-${'\x1b'.repeat(400)}\r\n`).join('')
    await using peer = await startHostile([{ send: greeting }, { reply: () => `${lines}250 x\r\n` }, 'hang'])
    const { facts } = await probe(peer, generous)
    expect(facts.smtp?.extensions?.[0]).toMatch(/^(\\x1b)+$/)
    expect(JSON.stringify(facts).length).toBeLessThan(65_536)
  })
})
