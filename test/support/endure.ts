import fc from 'fast-check'
import { type Step, startHostile } from './peers/hostile.ts'
import type { WatchedIo } from './watched-io.ts'
import { inTime, watchedIo } from './watched-io.ts'

interface Address {
  host: string
  port: number
}

/** Probes with a deadline in milliseconds, and makes sure that nothing is left behind and the deadline held. */
export async function probeInTime<Seen>(deadlineMs: number, probe: (io: WatchedIo) => Promise<Seen>): Promise<Seen> {
  const io = watchedIo({ deadlineMs })
  const seen = await inTime(deadlineMs, probe(io))
  const { sockets, waits } = io.left()
  if (sockets + waits > 0) throw new Error(`the probe left ${sockets} sockets and ${waits} waits`)
  return seen
}

/** Probes peers that respond with these bytes or others, slowly or not at all, and checks what each probe saw. */
export async function endure<Seen>(
  almost: readonly Uint8Array[],
  probe: (peer: Address) => Promise<Seen>,
  check: (seen: Seen) => void,
): Promise<void> {
  const together = 25 // so that many wait for their deadlines at the same time
  await fc.assert(
    fc.asyncProperty(fc.array(scriptOf(almost), { minLength: together, maxLength: together }), async (scripts) => {
      const peers = await Promise.all(scripts.map((steps) => startHostile(steps)))
      const seen = await Promise.all(peers.map(probe))
      await Promise.all(peers.map((peer) => peer.stop()))
      seen.forEach(check)
    }),
    { numRuns: 10 },
  )
}

function scriptOf(almost: readonly Uint8Array[]): fc.Arbitrary<Step[]> {
  const response = fc.constantFrom(...almost)
  const bytes = fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 600 }), response)
  const step = fc.oneof(
    { weight: 3, arbitrary: response.map((sent): Step => ({ reply: () => sent })) },
    bytes.map((send): Step => ({ send })),
    bytes.map((drip): Step => ({ drip, everyMs: 1 })),
  )
  return fc
    .tuple(fc.array(step, { maxLength: 6 }), fc.constantFrom<Step>('hang', 'end', 'reset'))
    .map(([steps, last]): Step[] => [...steps, last])
}
