import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Endpoint, ProbeIo } from '../../../src/probes/engine/probe.ts'
import { probeHttps } from '../../../src/probes/https/probe.ts'
import { probeTls } from '../../../src/probes/tls/probe.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { type HostilePeer, hostile, type Step, startHostile } from '../../support/peers/hostile.ts'
import { startHttps } from '../../support/peers/https.ts'
import { startTls, tlsHostName } from '../../support/peers/tls.ts'
import { startRecordingProxy } from '../../support/recording-proxy.ts'
import { inTime, watchedIo } from '../../support/watched-io.ts'

type Way = (endpoint: Endpoint, io: ProbeIo) => Promise<{ state: string; reason: string; facts: object }>

const ways: Record<string, Way> = {
  tls: (endpoint, io) => probeTls(endpoint, {}, io),
  'tls with every version': (endpoint, io) =>
    probeTls(endpoint, { offerVersions: ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] }, io),
  https: (endpoint, io) => probeHttps(endpoint, {}, io),
  'plain http': (endpoint, io) => probeHttps(endpoint, { plainHttp: true }, io),
}
const wayNames = Object.keys(ways)

/** Runs one probe, which must keep its deadline and release everything. */
async function runProbe(way: string, peer: Pick<HostilePeer, 'host' | 'port'>, deadlineMs = 5_000) {
  const io = watchedIo({ deadlineMs })
  const endpoint = { host: tlsHostName, address: peer.host, port: peer.port }
  const seen = await inTime(deadlineMs, (ways[way] ?? expect.fail(`no way ${way}`))(endpoint, io))
  expect(io.left()).toEqual({ sockets: 0, waits: 0 })
  expect(seen?.state).toBe('open')
  return seen
}

async function probeWith(way: string, script: readonly Step[], deadlineMs?: number) {
  await using peer = await startHostile(script)
  return await runProbe(way, peer, deadlineMs)
}

const record = (body: Uint8Array, type = 22) =>
  Buffer.concat([Buffer.of(type, 3, 3, body.length >> 8, body.length & 255), body])
const times = (count: number, bytes: Buffer) => Buffer.concat(Array.from({ length: count }, () => bytes))
const short = 500

describe('hostile peers', () => {
  test.each(wayNames)('%s: silence, drips and tarpits end at the deadline', async (way) => {
    const scripts: Step[][] = [
      hostile.silent,
      [{ receive: 1 }, 'hang'],
      [{ send: record(Buffer.of(2, 0, 60, 0)) }, 'hang'],
      hostile.drip(record(Buffer.alloc(4_000)), 1),
      [{ drip: record(Buffer.of(2, 0, 0, 90)), everyMs: 30 }, 'hang'],
      hostile.drip('HTTP/1.1 200 OK\r\nx', 1),
    ]
    const seen = await Promise.all(scripts.map((script) => probeWith(way, script, short)))
    expect(seen[0]?.reason).toBe('protocol-timeout')
  })

  test.each(wayNames)('%s: floods are cut off at the cap', async (way) => {
    const floods = [
      hostile.flood(),
      hostile.flood(record(Buffer.alloc(16_000))),
      hostile.flood(times(1_000, record(Buffer.of(0, 0, 0, 0)))), // HelloRequest, which a client ignores
      hostile.flood(times(1_000, record(Buffer.of(1, 112), 21))), // a warning, likewise
      hostile.flood(`HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(5_000)}`),
    ]
    for (const flood of floods) expect((await probeWith(way, flood))?.reason).not.toBe('protocol-timeout')
  })

  test('a certificate message without end is too large', async () => {
    const endless = Buffer.concat([record(serverHello), record(Buffer.of(11, 1, 134, 160)), ...manyRecords])
    const seen = await probeWith('tls', [{ receive: 1 }, { send: endless }, 'hang'], short)
    expect(seen).toEqual({ state: 'open', reason: 'response-too-large', facts: {} })
  })

  test.each(wayNames)('%s: any bytes, cut anywhere, give a result and release everything', async (way) => {
    const start = fc.constantFrom(
      '',
      '\x16\x03\x03',
      '\x16\x03\x01\x00\x20\x02',
      '\x15\x03\x03\x00\x02',
      'HTTP/1.1 ',
      'SSH-',
      '220 ',
    )
    const end = fc.constantFrom<Step>('end', 'reset')
    const bytes = fc.tuple(start, fc.uint8Array({ maxLength: 600 }))
    await fc.assert(
      fc.asyncProperty(bytes, end, fc.boolean(), async ([head, tail], last, patient) => {
        const words = Buffer.concat([Buffer.from(head, 'latin1'), tail])
        await probeWith(way, [...(patient ? [{ receive: 1 }] : []), { send: words }, { pauseMs: 1 }, last])
      }),
      { numRuns: 60 },
    )
  })
})

const serverHello = Buffer.concat([Buffer.of(2, 0, 0, 38, 3, 3), Buffer.alloc(32, 1), Buffer.of(0, 0xc0, 0x2f, 0)])
const manyRecords = Array.from({ length: 8 }, () => record(Buffer.alloc(16_000)))

describeWithPeers(['openssl'], 'a recorded handshake', () => {
  const recorded: Record<string, Buffer> = {}

  beforeAll(async () => {
    for (const variant of ['tls1.2', 'tls1.3'] as const) {
      await using peer = await startTls(variant)
      await using proxy = await startRecordingProxy(peer)
      await runProbe('tls', proxy)
      recorded[variant] = proxy.recordings[0]?.fromServer ?? Buffer.alloc(0)
    }
  })

  test.each(['tls1.2', 'tls1.3'])(
    '%s: a reset at every byte gives a result and releases everything',
    async (variant) => {
      const response = recorded[variant] ?? Buffer.alloc(0)
      expect(response.length).toBeGreaterThan(500)
      const probes = Array.from(response.keys(), (length) => () => {
        const script = hostile.resetAt(response, length, { afterReceiving: 1, pauseMs: 1 })
        return probeWith(length % 2 === 0 ? 'tls' : 'https', script)
      })
      const reasons = new Set((await inTens(probes)).map((seen) => seen?.reason))
      const expected = ['connection-reset', 'tls-handshake-failed', 'protocol-mismatch']
      expect(expected).toEqual(expect.arrayContaining([...reasons]))
    },
  )

  test('one changed byte anywhere gives a result and releases everything', async () => {
    const response = recorded['tls1.2'] ?? Buffer.alloc(0)
    await fc.assert(
      fc.asyncProperty(fc.nat(response.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const changed = Buffer.from(response)
        changed[at] = (changed[at] ?? 0) ^ change
        await probeWith('tls', [{ receive: 1 }, { send: changed }, 'end'])
      }),
      { numRuns: 200 },
    )
  })

  test('changed encrypted bytes are a violation, never a response', async () => {
    await using server = await startHttps()
    await using proxy = await startRecordingProxy(server, (bytes, { fromClient }) => {
      if (!inApplicationData(fromClient)) return bytes
      const changed = Buffer.from(bytes)
      changed[10] = (changed[10] ?? 0) ^ 1 // after the first record header
      return changed
    })
    expect((await runProbe('https', proxy))?.reason).toBe('protocol-violation')
  })
})

/** Whether the client has sent data after its handshake. */
function inApplicationData(fromClient: Buffer): boolean {
  let encrypted = 0
  for (let at = 0; at + 5 <= fromClient.length; at += 5 + fromClient.readUInt16BE(at + 3)) {
    if (fromClient[at] === 23) encrypted += 1
  }
  return encrypted >= 2
}

async function inTens<Result>(work: readonly (() => Promise<Result>)[]): Promise<Result[]> {
  const results: Result[] = []
  for (let at = 0; at < work.length; at += 10) {
    results.push(...(await Promise.all(work.slice(at, at + 10).map((one) => one()))))
  }
  return results
}
