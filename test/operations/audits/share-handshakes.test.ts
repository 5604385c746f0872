import { connect, createServer } from 'node:net'
import pino from 'pino'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { createDeliveries } from '../../../src/cli/agent/deliveries.ts'
import { openSpool } from '../../../src/cli/agent/spool.ts'
import { workAsAgent } from '../../../src/cli/agent/work.ts'
import type { Observation } from '../../../src/domain/findings/observation.ts'
import type { Delivery } from '../../../src/domain/vantages/lease.ts'
import { runChecks } from '../../../src/operations/audits/run-checks.ts'
import type { Check } from '../../../src/probes/engine/check.ts'
import { openBudget, openProber, type Prober } from '../../../src/probes/engine/prober.ts'
import { parseAllow } from '../../../src/probes/network/egress-policy.ts'
import { connectorForFile } from '../../support/connectors.ts'
import { listen } from '../../support/listen.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { startHostile } from '../../support/peers/hostile.ts'
import { startHttp2, startHttps } from '../../support/peers/https.ts'
import { startTls } from '../../support/peers/tls.ts'
import { makeTempDir } from '../../support/temp-dir.ts'

const connector = connectorForFile()
let prober: Prober
beforeAll(() => {
  prober = openProber({
    connector,
    canary: [],
    allow: parseAllow('127.0.0.0/8'),
    never: [],
    credentials: [],
    credentialCa: undefined,
    budget: openBudget({ sockets: 1, socketsPerHost: 1 }),
    probeTimeoutMs: 500,
    version: '0',
    env: {},
    clock: () => new Date(0),
    log: (error) => {
      throw error
    },
  })
})

const checksOf = ({ host, port }: { host: string; port: number }, options: Check<'tls'>['options'] = {}): Check[] => [
  { probe: 'https', host, port, options: { ...options, plainHttp: false } },
  { probe: 'tls', host, port, options },
]

/** Without the tries, which the HTTP request of a shared connection may need. */
const shown = (observations: readonly Observation[] | undefined) =>
  observations?.map(({ probe, addressResults }) => ({
    probe,
    results: addressResults.map(({ latencyMs: _, attempts: __, ...result }) => result),
  }))

/** What the checks of a batch show together, and what each shows alone. */
async function compare(checks: Check[]) {
  const together = shown(await runChecks(prober, checks))
  const alone = await Promise.all(checks.map((check) => runChecks(prober, [check])))
  return { together, alone: alone.flatMap((seen) => shown(seen)) }
}

/** A way to a local port that takes 20 ms in each direction. */
async function startDistant(port: number): Promise<{ host: string; port: number }> {
  const { close, ...at } = await listen(
    createServer((from) => {
      const to = connect(port, '127.0.0.1')
      for (const [one, other] of [
        [from, to],
        [to, from],
      ] as const) {
        one.on('error', () => {}).on('data', (bytes) => setTimeout(() => other.write(bytes), 20))
        one.once('close', () => setTimeout(() => other.destroy(), 20))
      }
    }),
  )
  onTestFinished(close)
  return at
}

describeWithPeers(['openssl'], 'the checks of one endpoint', () => {
  test.each([
    ['HTTP/1.1', startHttps],
    ['HTTP/2', startHttp2],
  ])('over %s make one TLS connection, with the facts of each', async (_what, start) => {
    await using peer = await start({ headers: { 'strict-transport-security': 'max-age=1' } })
    const [https, tls] = shown(await runChecks(prober, checksOf(peer))) ?? []
    expect(peer.accepted()).toBe(1)
    expect([https?.results[0]?.reason, tls?.results[0]?.reason]).toEqual(['http-responded', 'tls-ok'])
    const { http, ...facts } = (https?.results[0]?.facts ?? {}) as { http?: object }
    expect(http).toEqual({ status: 200, hsts: 'max-age=1' })
    expect(tls?.results[0]?.facts).toEqual(facts)
    expect(Object.keys({ ...https?.results[0], ...tls?.results[0] })).not.toContain('tls')
  })

  test.each(['good', 'expired', 'client-certificate-tls1.2', 'client-certificate-tls1.3', 'ocsp-stapled'] as const)(
    'of the peer %s show together what they show alone',
    async (variant) => {
      await using peer = await startTls(variant)
      const { together, alone } = await compare(checksOf(peer, { trustedCa: peer.ca }))
      expect(together).toEqual(alone)
    },
  )

  test.each([
    ['closes', [{ receive: 1 }, 'end']],
    ['speaks SSH', [{ send: 'SSH-2.0-x\r\n' }, 'hang']],
    ['sends an alert', [{ receive: 1 }, { send: Buffer.of(21, 3, 3, 0, 2, 2, 80) }, 'end']],
  ] as const)('of a peer that %s show together what they show alone', async (_what, script) => {
    await using peer = await startHostile([...script])
    const { together, alone } = await compare(checksOf(peer))
    expect(together).toEqual(alone)
  })

  test('of a closed port show together what they show alone', async () => {
    const peer = await startHttps()
    await peer[Symbol.asyncDispose]()
    const { together, alone } = await compare(checksOf(peer))
    expect(together?.[1]?.results[0]).toMatchObject({ state: 'closed', reason: 'connection-refused' })
    expect(together).toEqual(alone)
  })

  test('offer each version once, and show each check the versions that it names', async () => {
    await using peer = await startHttps({ maxVersion: 'TLSv1.2' })
    const { host, port } = peer
    const checks: Check[] = [
      { probe: 'tls', host, port, options: { offerVersions: ['TLSv1', 'TLSv1.1'] } },
      { probe: 'https', host, port, options: { offerVersions: ['TLSv1.1', 'TLSv1.3'] } },
      { probe: 'https', host, port, options: {} },
    ]
    const seen = await runChecks(prober, checks)
    const tls = 1
    const offers = 3 * 2 // each is refused with an alert, after which old ciphers are offered
    expect(peer.accepted()).toBeLessThanOrEqual(tls + offers)
    const versions = seen?.map(({ addressResults: [{ facts }] }) => (facts as { versions?: object }).versions)
    expect(versions).toEqual([
      { TLSv1: 'refused', 'TLSv1.1': 'refused' },
      { 'TLSv1.1': 'refused', 'TLSv1.3': 'refused' },
      undefined,
    ])
  })

  test('of a peer that responds to no HTTP request show together what they show alone', async () => {
    const onStream = () => {} // never responds
    await using peer = await startHttp2({ onStream })
    const distant = await startDistant(peer.port)
    const { together, alone } = await compare(checksOf(distant, { offerVersions: ['TLSv1.1', 'TLSv1.2'] }))
    expect(alone[1]?.results[0]?.facts).toMatchObject({ versions: { 'TLSv1.2': 'accepted' } })
    expect(together).toEqual(alone)
  })

  test('with other authorities, or in clear, have connections of their own', async () => {
    await using peer = await startHttps()
    const { host, port, certificate } = peer
    const checks: Check[] = [
      ...checksOf(peer),
      { probe: 'tls', host, port, options: { trustedCa: certificate.cert } },
      { probe: 'https', host, port, options: { plainHttp: true } },
    ]
    const seen = await runChecks(prober, checks)
    const inClear = 4 // HTTP/1.1, HTTP/2, the handshake, and HTTP/1.1 for the name in the certificate
    expect(peer.accepted()).toBe(2 + inClear)
    const trusted = seen?.map(({ addressResults: [{ facts }] }) => (facts as { trusted?: boolean }).trusted)
    expect(trusted).toEqual([false, false, true, undefined])
  })

  test('make one TLS connection from an agent too', async () => {
    await using peer = await startHttps()
    const directory = await makeTempDir('agent')
    const stop = new AbortController()
    const leases = [{ id: '1.019b7600-0000-7000-8000-000000000001', heartbeatSeconds: 60, checks: checksOf(peer) }]
    const { promise: delivered, resolve } = Promise.withResolvers<Delivery>()
    const options = { path: '/leases', log: pino({ level: 'silent' }), signal: stop.signal }
    const server = {
      async post(path: string, body: unknown, { signal }: { signal?: AbortSignal }) {
        const lease = path === '/leases' ? leases.shift() : undefined
        if (lease) return { status: 200, body: lease }
        if (path === '/leases') await new Promise((ended) => signal?.addEventListener('abort', ended))
        else resolve(body as Delivery)
        return { status: path === '/leases' ? 204 : 200, body: { recorded: true } }
      },
      close() {},
    }
    const deliveries = createDeliveries({ server, spool: await openSpool(directory.path), ...options })
    const work = workAsAgent({ server, deliveries, prober, batches: 1, version: '0', ...options })
    const { observations } = await delivered
    stop.abort()
    await work
    await directory.remove()
    expect(peer.accepted()).toBe(1)
    expect(observations.map(({ addressResults: [result] }) => result?.reason)).toEqual(['http-responded', 'tls-ok'])
    expect(observations.flatMap(({ addressResults }) => addressResults.flatMap(Object.keys))).not.toContain('tls')
  })
})
