import net from 'node:net'
import { expect, test } from 'vitest'
import { probeSsh } from '../../../src/probes/ssh/probe.ts'
import { collectGarbage } from '../../support/collect-garbage.ts'
import { listen } from '../../support/listen.ts'
import { asPeer } from '../../support/peers/peer.ts'
import { startSshServer } from '../../support/peers/ssh-server.ts'
import { inTime, watchedIo } from '../../support/watched-io.ts'

interface Address {
  host: string
  port: number
}

const deadlineMs = 5_000

async function runProbe({ host, port }: Address) {
  const io = watchedIo({ deadlineMs })
  await inTime(deadlineMs, probeSsh({ host, address: host, port }, {}, io))
  expect(io.left()).toEqual({ sockets: 0, waits: 0 })
}

/** Sends these bytes to every client; unlike `startHostile`, records nothing. */
async function startTalker(text: string) {
  const server = net.createServer((socket) =>
    socket
      .on('error', () => {})
      .resume()
      .write(text),
  )
  const { host, port, close } = await listen(server)
  return asPeer({ host, port }, close)
}

/** Live bytes; resident memory varies by up to 50 MB of garbage. */
async function retainedBytes(): Promise<number> {
  await collectGarbage()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

test('the memory of probeSsh does not grow over 10,000 probes', async () => {
  await using good = await startSshServer()
  await using flood = await startTalker('a'.repeat(65_536))
  await using long = await startTalker(`SSH-2.0-peer\r\n${'a'.repeat(40_000)}`)
  await using refusal = await startTalker('Exceeded MaxStartups\r\n')
  const peers = [good, flood, long, refusal]
  const probe = async (probes: number) => {
    for (let done = 0; done < probes; done += 40) {
      await Promise.all(Array.from({ length: 40 }, (_, index) => runProbe(peers[index % peers.length] ?? good)))
    }
  }
  await probe(2_000) // until all code is compiled
  const before = await retainedBytes()
  await probe(10_000)
  expect((await retainedBytes()) - before).toBeLessThan(2_000_000)
})
