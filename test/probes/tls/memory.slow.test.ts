import { expect, test } from 'vitest'
import { probeHttps } from '../../../src/probes/https/probe.ts'
import { collectGarbage } from '../../support/collect-garbage.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { hostile, type Step, startHostile } from '../../support/peers/hostile.ts'
import { tlsCertificate, tlsHostName } from '../../support/peers/tls.ts'
import { inTime, watchedIo } from '../../support/watched-io.ts'

const deadlineMs = 5_000

async function runProbe({ host, port }: { host: string; port: number }) {
  const io = watchedIo({ deadlineMs })
  const seen = await inTime(deadlineMs, probeHttps({ host: tlsHostName, address: host, port }, {}, io))
  expect(io.left()).toEqual({ sockets: 0, waits: 0 })
  expect(seen?.state).toBe('open')
}

describeWithPeers(['openssl'], 'the memory of probeHttps', () => {
  test('stops growing over hundreds of hostile probes', async () => {
    const { cert, key } = await tlsCertificate('good')
    const inside = { upgrade: { cert, key } }
    const fullRecord = Buffer.concat([Buffer.of(22, 3, 3, 16_000 >> 8, 16_000 & 255), Buffer.alloc(16_000)])
    const scripts: Step[][] = [
      hostile.flood(),
      hostile.garbage,
      [inside, { send: 'x'.repeat(60_000) }, 'hang'],
      [inside, { send: `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(12_000)}` }, 'hang'],
      [{ receive: 1 }, { send: fullRecord }, 'reset'],
    ]
    const round = async (probes: number) => {
      for (const script of scripts) {
        await using peer = await startHostile(script)
        for (let made = 0; made < probes; made += 1) await runProbe(peer)
      }
      await collectGarbage()
      return process.memoryUsage()
    }
    // Allocators retain memory; only a leak grows without end.
    let grown = Number.POSITIVE_INFINITY
    let before = await round(50)
    for (let rounds = 0; rounds < 6 && grown > 10e6; rounds += 1) {
      const after = await round(100)
      grown = after.rss - before.rss
      before = after
    }
    expect(grown).toBeLessThan(10e6)
    expect(before.heapUsed + before.external).toBeLessThan(100e6)
  })
})
