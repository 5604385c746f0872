import { describe, expect, onTestFinished, test } from 'vitest'
import { judge } from '../../../src/domain/findings/judge.ts'
import type { ResolvedExpectation } from '../../../src/domain/policy/policy.ts'
import type { ProtocolName } from '../../../src/domain/protocols/index.ts'
import type { Check } from '../../../src/probes/engine/check.ts'
import { probes } from '../../../src/probes/engine/registry.ts'
import { createObserver } from '../../../src/probes/engine/run-check.ts'
import { createBudget } from '../../../src/probes/engine/socket-budget.ts'
import { createEgressPolicy, parseAllow } from '../../../src/probes/network/egress-policy.ts'
import { ruleThat } from '../../domain/findings/rules.ts'
import { connectorForFile } from '../../support/connectors.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { startExim } from '../../support/peers/exim.ts'
import { hostile, type Step, startHostile } from '../../support/peers/hostile.ts'
import { startHttps } from '../../support/peers/https.ts'
import { startNginx } from '../../support/peers/nginx.ts'
import { startSshd } from '../../support/peers/openssh.ts'
import { startSlapd } from '../../support/peers/slapd.ts'
import { startTlsMultiplexer } from '../../support/peers/tls-multiplexer.ts'
import { startSlowFront } from '../../support/slow-front.ts'

const connector = connectorForFile()
interface Server {
  host: string
  port: number
}

const observe = (check: Check, timeoutMs: number) =>
  createObserver({
    connector,
    probes,
    egress: createEgressPolicy({ allow: parseAllow('127.0.0.0/8') }),
    budget: createBudget({ sockets: 4, perHost: 2 }),
    lookup: () => expect.unreachable('a literal address was resolved'),
    credential: () => expect.unreachable('no check has a credential'),
    requester: 'portwarden tests',
    timeoutMs,
    tries: 3,
    spacingMs: 1,
    clock: () => new Date(),
    log: (error) => expect.unreachable(String(error)),
  })(check)

const addressOf = ({ host, port }: Server): Server => ({ host, port })

async function judged(server: Server, { probe, options = {}, ...check }: Case, timeoutMs: number) {
  const seen = await observe({ probe, ...addressOf(server), options }, timeoutMs)
  const judgeBy = (expectation: ResolvedExpectation) =>
    judge({ ...ruleThat(expectation), probe }, seen, { windowOpen: false })
  const closed = judgeBy({ state: ['closed', 'filtered'] })
  return { ...judgeBy(check.expect), closed, seen: seen.addressResults[0] }
}

interface Case {
  probe: ProtocolName
  expect: ResolvedExpectation
  options?: Check['options']
}

const cases = {
  ssh: { probe: 'ssh', expect: { ssh: { speaks: true } } },
  https: { probe: 'https', expect: { http: { answers: true } } },
  tls: { probe: 'tls', expect: { tls: { minVersion: 'TLSv1.2' } } },
  versions: {
    probe: 'tls',
    expect: { tls: { refuses: ['TLSv1', 'TLSv1.1'] } },
    options: { offerVersions: ['TLSv1', 'TLSv1.1'] },
  },
  ldap: { probe: 'ldap', expect: { ldap: { answers: true } } },
  smtp: { probe: 'smtp', expect: { smtp: { startTls: 'offered' } } },
  clear: { probe: 'https', expect: { http: { plainServed: false } }, options: { plainHttp: true } },
} satisfies Record<string, Case>

/** The delay is longer than the first try, and leaves a busy machine twice as long in the patient one. */
const [slowTimeoutMs, delayMs] = [600, 700]

describe('a server behind a delay that is longer than the timeout', () => {
  const startBehind = async (start: () => Promise<Server & AsyncDisposable>) => {
    const server = await start()
    onTestFinished(() => server[Symbol.asyncDispose]())
    const front = await startSlowFront(server, delayMs)
    onTestFinished(front.stop)
    return front
  }
  const expectPass = async (start: () => Promise<Server & AsyncDisposable>, check: Case) => {
    const front = await startBehind(start)
    const { result, seen } = await judged(front, check, slowTimeoutMs)
    expect({ result, ...seen }).toMatchObject({ result: 'pass', state: 'open', attempts: 2 })
    expect(seen.waitedMs).toBeUndefined()
  }

  describeWithPeers(['openssh'], 'with sshd', () => {
    test('speaks SSH', () => expectPass(startSshd, cases.ssh))
  })
  describeWithPeers(['slapd'], 'with slapd', () => {
    test('responds to LDAP', () => expectPass(startSlapd, cases.ldap))
  })
  describeWithPeers(['exim'], 'with Exim', () => {
    test('offers STARTTLS', () => expectPass(startExim, cases.smtp))
  })
  describeWithPeers(['nginx'], 'with nginx', () => {
    test('speaks TLS and HTTPS, refuses each old version after a delay for each, and serves plain HTTP', async () => {
      const nginx = await startNginx()
      onTestFinished(nginx.stop)
      const plain = { host: nginx.host, port: nginx.httpPort, [Symbol.asyncDispose]: nginx.stop }
      await Promise.all([
        ...[cases.https, cases.tls, cases.versions].map((check) => expectPass(async () => nginx, check)),
        startBehind(async () => plain).then(async (front) =>
          expect(await judged(front, cases.clear, slowTimeoutMs)).toMatchObject({ reason: 'plain-http-served' }),
        ),
      ])
    })
  })
  describeWithPeers(['nginx', 'haproxy'], 'with haproxy that distinguishes TLS from clear', () => {
    test('serves plain HTTP beside TLS', async () => {
      await using nginx = await startNginx()
      await using clear = await startSlowFront({ host: nginx.host, port: nginx.httpPort }, delayMs)
      await using haproxy = await startTlsMultiplexer({ tls: nginx, clear })
      const seen = await Promise.all([cases.https, cases.clear].map((check) => judged(haproxy, check, slowTimeoutMs)))
      expect(seen).toMatchObject([{ result: 'pass' }, { result: 'fail', reason: 'plain-http-served' }])
    })
  })
})

describe('silence inside a protocol', () => {
  const timeoutMs = 200
  const greeting = { send: '220 mail.lab.test ESMTP\r\n' }
  const extensions = { reply: () => '250-mail.lab.test\r\n250 STARTTLS\r\n' }
  const scripts: [string, readonly Step[], Case[]][] = [
    ['after the connection', hostile.silent, Object.values(cases)],
    ['of a byte at a time', hostile.drip('S', 5), [cases.ssh]],
    ['of a drip of an HTTP response', hostile.drip('HTTP/1.1 200 OK\r\n', 100), [cases.clear]],
    ['of a drip of a TLS record', hostile.drip(Buffer.of(22, 3, 3, 0, 90, 2), 20), [cases.tls, cases.https]],
    ['after an unfinished identification', hostile.banner('SSH-2.0-Open'), [cases.ssh]],
    ['after the greeting', [greeting, 'hang'], [cases.smtp]],
    ['after STARTTLS', [greeting, extensions, 'hang'], [{ probe: 'smtp', expect: { tls: { trusted: true } } }]],
    ['after a byte of LDAP', hostile.banner(Buffer.of(0x30)), [cases.ldap]],
  ]
  test.concurrent.for(scripts)('%s is unknown, and the port is open', async ([_, script, checks]) => {
    await using peer = await startHostile(script)
    const judgements = await Promise.all(checks.map((check) => judged(peer, check, timeoutMs)))
    for (const { seen, closed, ...judgement } of judgements) {
      expect(judgement).toEqual({ result: 'unknown', state: 'open', reason: 'protocol-timeout' })
      expect(closed).toEqual({ result: 'fail', state: 'open', reason: 'unexpected-state' })
      expect(seen).toMatchObject({ waitedMs: 3 * timeoutMs, attempts: 2 })
    }
  })

  test('inside TLS is unknown, and the facts of the handshake are judged', async () => {
    const { certificate, stop } = await startHttps()
    await stop()
    await using peer = await startHostile([{ upgrade: { cert: certificate.cert, key: certificate.key } }, 'hang'])
    const seen = await observe({ probe: 'https', ...addressOf(peer), options: {} }, 300)
    const results = [
      { http: { answers: true } },
      { tls: { minVersion: 'TLSv1.2' as const } },
      { tls: { trusted: true } },
    ]
      .map((expectation) => judge({ ...ruleThat(expectation), probe: 'https' }, seen, { windowOpen: false }))
      .map(({ result, reason }) => [result, reason])
    expect(results).toEqual([
      ['unknown', 'protocol-timeout'],
      ['pass', 'as-expected'],
      ['fail', 'certificate-untrusted'],
    ])
  })

  test('at the connection after a refusal of ALPN is unknown', async () => {
    await using refusing = await startHostile([{ receive: 1 }, { send: Buffer.of(21, 3, 3, 0, 2, 2, 120) }, 'end'])
    await using silent = await startHostile(hostile.silent)
    let connections = 0
    const front = await startSlowFront(() => (connections++ % 2 === 0 ? refusing : silent), 0)
    onTestFinished(front.stop)
    expect(await judged(front, cases.https, timeoutMs)).toMatchObject({ result: 'unknown', reason: 'protocol-timeout' })
  })

  test('once is a lost connection: a server that responds to the next one passes', async () => {
    await using server = await startHttps()
    await using silent = await startHostile(hostile.silent)
    let connections = 0
    const front = await startSlowFront(() => (connections++ === 0 ? silent : server), 0)
    onTestFinished(front.stop)
    expect(await judged(front, cases.https, slowTimeoutMs)).toMatchObject({ result: 'pass', seen: { attempts: 2 } })
  })

  test.concurrent.each(['end', 'reset'] as const)(
    'may be over after a while (%s): no plain HTTP is served',
    async (end) => {
      await using peer = await startHostile([{ receive: 1 }, { pauseMs: delayMs }, end])
      expect(await judged(peer, cases.clear, slowTimeoutMs)).toMatchObject({ result: 'pass', seen: { attempts: 2 } })
    },
  )
})
