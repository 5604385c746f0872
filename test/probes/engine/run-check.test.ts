import { once } from 'node:events'
import net from 'node:net'
import { Value } from 'typebox/value'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { evidenceOf } from '../../../src/domain/findings/evidence.ts'
import { protocolNames } from '../../../src/domain/protocols/index.ts'
import { BindClaim, type BindDecision, type BindResult } from '../../../src/domain/vantages/binds.ts'
import type { Binds } from '../../../src/probes/engine/binds.ts'
import type { ObserverOptions } from '../../../src/probes/engine/check.ts'
import { isConnection, type Probe, type ProbeIo, type ProbeResult } from '../../../src/probes/engine/probe.ts'
import type { ProbeRegistry } from '../../../src/probes/engine/registry.ts'
import { createObserver } from '../../../src/probes/engine/run-check.ts'
import { createBudget } from '../../../src/probes/engine/socket-budget.ts'
import { createEgressPolicy, parseAllow } from '../../../src/probes/network/egress-policy.ts'
import { probeTcp } from '../../../src/probes/tcp/probe.ts'
import { connectorForFile } from '../../support/connectors.ts'
import { listen } from '../../support/listen.ts'
import { findSecrets } from '../../support/secret-forms.ts'

const connector = connectorForFile()
const clock = () => new Date('2026-01-02T03:04:05.678Z')
const credential = { user: 'audit@lab.test', password: 'a secret of the tests' }
const open: ProbeResult<'tcp'> = { state: 'open', reason: 'tcp-connected', facts: {} }
const silent: ProbeResult<'tcp'> = { state: 'filtered', reason: 'no-response', facts: {} }

interface Overrides extends Partial<Omit<ObserverOptions, 'probes' | 'egress'>> {
  tcp?: Probe<'tcp'>
  ldap?: Probe<'ldap'>
  allow?: string
}

function observerWith({ tcp = probeTcp, ldap, allow = '127.0.0.0/8, ::1', ...options }: Overrides = {}) {
  const unused = () => expect.unreachable('a probe without a check')
  const none = Object.fromEntries(protocolNames.map((name) => [name, unused])) as unknown as ProbeRegistry
  const probes: ProbeRegistry = { ...none, tcp, ldap: ldap ?? unused }
  const errors: unknown[] = []
  const observe = createObserver({
    connector,
    probes,
    egress: createEgressPolicy({ allow: parseAllow(allow) }),
    budget: createBudget({ sockets: 10, perHost: 10 }),
    lookup: () => expect.unreachable('a literal address was resolved'),
    credential: async () => credential,
    requester: 'portwarden tests',
    timeoutMs: 5_000,
    tries: 3,
    spacingMs: 1,
    clock,
    log: (error) => errors.push(error),
    ...options,
  })
  return { observe, errors }
}

const tcpCheck = (host: string, port = 80) => ({ probe: 'tcp' as const, host, port, options: {} })

/** A probe with scripted results that records the probed addresses. */
function scripted(...results: ProbeResult<'tcp'>[]) {
  const seen: string[] = []
  const probe: Probe<'tcp'> = async ({ address }) => results[seen.push(address) - 1] ?? open
  return { probe, seen }
}

async function startListener() {
  const server = net.createServer()
  const listening = await listen(server)
  onTestFinished(listening.close)
  return { server, ...listening }
}

test('an observation holds the check, the time and the result at the address', async () => {
  const { host, port } = await startListener()
  const seen = await observerWith().observe(tcpCheck(host, port))
  expect(seen).toEqual({
    probe: 'tcp',
    host,
    port,
    observedAt: '2026-01-02T03:04:05.678Z',
    addressResults: [{ address: host, ...open, latencyMs: expect.any(Number), attempts: 1 }],
  })
  expect(seen.addressResults[0].latencyMs).toBeLessThan(5_000)
})

describe('addresses', () => {
  test('each address of a name is probed, in a stable order', async () => {
    const { host, port } = await startListener()
    for (const addresses of [
      ['::1', '127.0.0.2', host],
      [host, '127.0.0.2', '::1'],
    ]) {
      const { observe } = observerWith({ lookup: async () => addresses })
      const { addressResults } = await observe(tcpCheck('dc.lab.test', port))
      expect(addressResults.map(({ address, state }) => [address, state])).toEqual([
        ['127.0.0.1', 'open'],
        ['127.0.0.2', 'closed'],
        ['::1', 'closed'],
      ])
    }
  })

  test('a probe receives the requested name and the literal address', async () => {
    const endpoints: unknown[] = []
    const tcp: Probe<'tcp'> = async (endpoint) => {
      endpoints.push(endpoint)
      return open
    }
    await observerWith({ tcp, lookup: async () => ['127.0.0.1'] }).observe(tcpCheck('DC.lab.test', 389))
    expect(endpoints).toEqual([{ host: 'DC.lab.test', address: '127.0.0.1', port: 389 }])
  })

  test('an address outside the egress policy is not probed; the others are', async () => {
    const { probe, seen } = scripted(open)
    const { observe } = observerWith({ tcp: probe, lookup: async () => ['169.254.169.254', '127.0.0.1'] })
    const { addressResults } = await observe(tcpCheck('rebound.test'))
    expect(addressResults).toMatchObject([
      { address: '127.0.0.1', state: 'open', attempts: 1 },
      {
        address: '169.254.169.254',
        state: 'unknown',
        reason: 'egress-denied',
        facts: {},
        latencyMs: null,
        attempts: 0,
      },
    ])
    expect(seen).toEqual(['127.0.0.1'])
  })

  test('of a check that names families, the other addresses are not probed', async () => {
    const { probe, seen } = scripted()
    const { observe } = observerWith({ tcp: probe, lookup: async () => ['::1', '127.0.0.1'] })
    const check = { ...tcpCheck('dual.test'), families: ['ipv6'] } as const
    expect((await observe(check)).addressResults).toMatchObject([{ address: '::1', state: 'open' }])
    expect(seen).toEqual(['::1'])
    const mapped = observerWith({ tcp: probe, lookup: async () => ['::ffff:127.0.0.1'] })
    expect((await mapped.observe(check)).addressResults).toMatchObject([
      { address: null, state: 'unresolved', reason: 'no-address-of-family', attempts: 0 },
    ])
  })

  test('the evidence is the same in every order of addresses, those outside the egress policy included', async () => {
    const { probe } = scripted()
    const addresses = ['169.254.169.254', '::1', '127.0.0.1', 'fd00::1', '::ffff:127.0.0.2']
    const orders = [addresses, addresses.toReversed(), addresses.toSorted()]
    const evidences = orders.map(async (order) => {
      const { observe } = observerWith({ tcp: probe, lookup: async () => order })
      return JSON.stringify(evidenceOf(await observe(tcpCheck('many.test'))))
    })
    expect(new Set(await Promise.all(evidences)).size).toBe(1)
  })

  test('of more than 64 addresses, the others make the finding undecided', async () => {
    const { probe, seen } = scripted()
    const addresses = Array.from({ length: 200 }, (_, i) => `127.0.1.${i}`)
    const { observe } = observerWith({ tcp: probe, lookup: async () => addresses })
    const { addressResults } = await observe(tcpCheck('many.test'))
    expect(seen).toHaveLength(64)
    expect(addressResults).toHaveLength(65)
    expect(addressResults.at(-1)).toEqual({
      ...{ address: null, state: 'unknown', reason: 'response-too-large' },
      ...{ facts: {}, latencyMs: null, attempts: 0 },
    })
  })

  test.for([
    ['127.1', { state: 'unknown', reason: 'invalid-host' }],
    ['nowhere.test', { state: 'unresolved', reason: 'name-not-found' }],
  ] as const)('a host without an address has one address result with the reason: %s', async ([host, outcome]) => {
    const lookup = () => Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }))
    const { addressResults } = await observerWith({ lookup }).observe(tcpCheck(host))
    expect(addressResults).toEqual([{ address: null, ...outcome, facts: {}, latencyMs: null, attempts: 0 }])
  })
})

describe('tries', () => {
  test('silence counts only after the last try', async () => {
    const { probe, seen } = scripted(silent, silent, silent, open)
    const { addressResults } = await observerWith({ tcp: probe }).observe(tcpCheck('127.0.0.1'))
    expect(addressResults).toMatchObject([{ state: 'filtered', reason: 'no-response', attempts: 3 }])
    expect(seen).toHaveLength(3)
  })

  test('the first response after silence counts', async () => {
    const { probe } = scripted(silent, open)
    const { addressResults } = await observerWith({ tcp: probe }).observe(tcpCheck('127.0.0.1'))
    expect(addressResults).toMatchObject([{ state: 'open', reason: 'tcp-connected', attempts: 2 }])
  })

  test.for([
    { state: 'closed', reason: 'connection-refused', facts: {} },
    { state: 'filtered', reason: 'icmp-prohibited', facts: {} },
    { state: 'unknown', reason: 'descriptors-exhausted', facts: {} },
  ] as const)('only silence is retried: $reason', async (result) => {
    const { probe, seen } = scripted(result)
    const { addressResults } = await observerWith({ tcp: probe }).observe(tcpCheck('127.0.0.1'))
    expect(addressResults).toMatchObject([{ ...result, attempts: 1 }])
    expect(seen).toHaveLength(1)
  })

  test('pauses between tries grow, and the latency is that of the last try', async () => {
    const startedAt: number[] = []
    const tcp: Probe<'tcp'> = async () => {
      startedAt.push(performance.now())
      return silent
    }
    const { addressResults } = await observerWith({ tcp, spacingMs: 40 }).observe(tcpCheck('127.0.0.1'))
    const [first = 0, second = 0, third = 0] = startedAt
    expect(second - first).toBeGreaterThan(38)
    expect(third - second).toBeGreaterThan(78)
    expect(addressResults[0].latencyMs).toBeLessThan(performance.now() - second - 78)
  })

  test('a pause between tries occupies no slot', async () => {
    const { probe, seen } = scripted(silent)
    const { observe } = observerWith({ tcp: probe, budget: createBudget({ sockets: 1, perHost: 1 }), spacingMs: 50 })
    await Promise.all([observe(tcpCheck('127.0.0.1')), observe(tcpCheck('127.0.0.2'))])
    expect(seen).toEqual(['127.0.0.1', '127.0.0.2', '127.0.0.1'])
  })
})

describe('a patient try', () => {
  const timedOut: ProbeResult<'tcp'> = { state: 'open', reason: 'protocol-timeout', facts: {} }
  const expired: Probe<'tcp'> = async (_endpoint, _options, { deadline }) => {
    await new Promise<void>((resolve) => deadline.onExpiry(resolve))
    return timedOut
  }

  test('follows silence inside a protocol, with three times the time', async () => {
    const timesMs: number[] = []
    const tcp: Probe<'tcp'> = async (endpoint, options, io) => {
      timesMs.push(io.deadline.remainingMs())
      return timesMs.length === 1 ? expired(endpoint, options, io) : open
    }
    const { addressResults } = await observerWith({ tcp, timeoutMs: 50 }).observe(tcpCheck('127.0.0.1'))
    expect(addressResults).toEqual([{ address: '127.0.0.1', ...open, latencyMs: expect.any(Number), attempts: 2 }])
    const [first = 0, second = 0] = timesMs
    expect(first).toBeLessThanOrEqual(50)
    expect(second).toBeGreaterThan(100)
  })

  test('that is silent too ends the tries, and the result has its time', async () => {
    const { addressResults } = await observerWith({ tcp: expired, timeoutMs: 20 }).observe(tcpCheck('127.0.0.1'))
    expect(addressResults).toMatchObject([{ ...timedOut, waitedMs: 60, attempts: 2 }])
  })

  test('follows a wait in vain for an optional fact as well', async () => {
    const { probe, seen } = scripted(open, open)
    const tcp: Probe<'tcp'> = async (endpoint, options, io) => {
      await expired(endpoint, options, io)
      return probe(endpoint, options, io)
    }
    const { addressResults } = await observerWith({ tcp, timeoutMs: 10 }).observe(tcpCheck('127.0.0.1'))
    expect(addressResults).toMatchObject([{ ...open, waitedMs: 30, attempts: 2 }])
    expect(seen).toHaveLength(2)
  })

  test.for([
    { state: 'closed', reason: 'connection-refused', facts: {} },
    { state: 'unknown', reason: 'descriptors-exhausted', facts: {} },
    silent,
  ] as const)('that has no connection proves nothing of an open port: $reason', async (result) => {
    const { probe } = scripted(timedOut, result)
    const { addressResults } = await observerWith({ tcp: probe, timeoutMs: 500 }).observe(tcpCheck('127.0.0.1'))
    expect(addressResults).toMatchObject([{ ...timedOut, waitedMs: 500, attempts: 2 }])
  })

  test('is not made for a check with a deadline of its own', async () => {
    const once = { timeoutMs: 20, dial: '127.0.0.1', resolved() {} }
    const { addressResults } = await observerWith({ tcp: expired }).observe({ ...tcpCheck('host.test'), once })
    expect(addressResults).toMatchObject([{ ...timedOut, attempts: 1 }])
  })

  test.each([
    ['ECONNREFUSED', 'connection-reset', undefined],
    ['silent', 'protocol-timeout', 900],
  ])('explains a further connection by what is known: the port is open (%s)', async (outcome, reason, waitedMs) => {
    const { host, port } = await startListener()
    let connections = 0
    const flaky: ObserverOptions['connector'] = {
      ...connector,
      connect: (...parts) =>
        ++connections % 2 === 1
          ? connector.connect(...parts)
          : Promise.resolve({ outcome, immediate: false, elapsedMs: 1 }),
    }
    const tcp: Probe<'tcp'> = async (endpoint, _options, io) => {
      expect(isConnection(await io.connect(endpoint))).toBe(true)
      const further = await io.connect(endpoint)
      expect(further).toEqual({ state: 'open', reason })
      return open
    }
    const { observe } = observerWith({ tcp, connector: flaky, timeoutMs: 300 })
    const [result] = (await observe(tcpCheck(host, port))).addressResults
    expect([result.reason, result.waitedMs]).toEqual(['tcp-connected', waitedMs])
  })

  test('of many silent peers leaves slots to the others', async () => {
    const { promise: blocked, resolve: release } = Promise.withResolvers<void>()
    const tarpits = Array.from({ length: 10 }, (_, i) => `127.0.1.${i}`)
    const tries = new Map<string, number>()
    let patient = 0
    const { promise: full, resolve: isFull } = Promise.withResolvers<void>()
    const tcp: Probe<'tcp'> = async ({ address }) => {
      if (!tarpits.includes(address)) return open
      tries.set(address, (tries.get(address) ?? 0) + 1)
      if (tries.get(address) === 1) return timedOut
      patient += 1
      if (patient === 2) isFull()
      await blocked
      return timedOut
    }
    const { observe } = observerWith({ tcp, budget: createBudget({ sockets: 4, perHost: 4 }) })
    const silence = Promise.all(tarpits.map((host) => observe(tcpCheck(host))))
    await full
    const others = await Promise.all(['127.0.2.1', '127.0.2.2', '127.0.2.3'].map((host) => observe(tcpCheck(host))))
    expect(others.map(({ addressResults: [{ state }] }) => state)).toEqual(['open', 'open', 'open'])
    expect(patient).toBe(2)
    expect(tries.size).toBe(tarpits.length)
    release()
    expect(await silence).toHaveLength(tarpits.length)
  })
})

describe('slots and deadlines', () => {
  test('the deadline of a probe starts with its slot', async () => {
    const remaining: number[] = []
    const tcp: Probe<'tcp'> = async (_endpoint, _options, { deadline }) => {
      remaining.push(deadline.remainingMs())
      await new Promise<void>((resolve) => deadline.onExpiry(resolve))
      return open
    }
    const { observe } = observerWith({ tcp, timeoutMs: 200, budget: createBudget({ sockets: 1, perHost: 1 }) })
    await Promise.all(['127.0.0.1', '127.0.0.2', '127.0.0.3'].map((host) => observe(tcpCheck(host))))
    for (const ms of remaining) expect(ms).toBeGreaterThan(0) // 0 if the deadline ran while waiting for the slot
  })

  test('open connections never exceed the socket budget', async () => {
    const { server, host, port, openSockets } = await startListener()
    let most = 0
    server.on('connection', () => {
      most = Math.max(most, openSockets())
    })
    const tcp: Probe<'tcp'> = async (endpoint, _options, io) => {
      const connection = await io.connect(endpoint)
      if (!isConnection(connection)) return { ...connection, facts: {} }
      const closed = once(connection.socket, 'close')
      connection.socket.end().resume()
      await closed
      return open
    }
    const { observe } = observerWith({ tcp, budget: createBudget({ sockets: 4, perHost: 4 }) })
    const seen = await Promise.all(Array.from({ length: 100 }, () => observe(tcpCheck(host, port))))
    expect(seen.every(({ addressResults: [addressResult] }) => addressResult.state === 'open')).toBe(true)
    expect(most).toBeLessThanOrEqual(4)
  })
})

describe('a probe with a programming error', () => {
  const failed = { state: 'unknown', reason: 'local-failure', facts: {}, attempts: 1 }

  test('that throws gives unknown, is logged, and releases its slot and socket', async () => {
    const { server, host, port } = await startListener()
    const closed = once(server, 'connection').then(([socket]) => once(socket.resume(), 'close'))
    const error = new TypeError('a programming error')
    const tcp: Probe<'tcp'> = async (endpoint, options, io) => {
      if (endpoint.address !== host) return probeTcp(endpoint, options, io)
      await io.connect(endpoint)
      throw error
    }
    const { observe, errors } = observerWith({ tcp, budget: createBudget({ sockets: 1, perHost: 1 }) })
    const [broken, sound] = await Promise.all([observe(tcpCheck(host, port)), observe(tcpCheck('127.0.0.2', port))])
    expect(broken.addressResults).toMatchObject([failed])
    expect(sound.addressResults).toMatchObject([{ state: 'closed' }])
    expect(errors).toEqual([error])
    await closed
  })

  test('in another component gives unknown too, and is logged', async () => {
    const error = new TypeError('a programming error')
    const lookup = () => {
      throw error
    }
    const { observe, errors } = observerWith({ lookup })
    expect((await observe(tcpCheck('dc.lab.test'))).addressResults).toMatchObject([
      { ...failed, address: null, attempts: 0 },
    ])
    expect(errors).toEqual([error])
  })

  test('that throws synchronously gives unknown too', async () => {
    const tcp: Probe<'tcp'> = () => {
      throw new TypeError('a programming error')
    }
    const { observe, errors } = observerWith({ tcp })
    expect((await observe(tcpCheck('127.0.0.1'))).addressResults).toMatchObject([failed])
    expect(errors).toHaveLength(1)
  })

  test('that does not end is abandoned, and its late connections are destroyed', async () => {
    const { server, host, port } = await startListener()
    let late: ProbeIo['connect'] | undefined
    const tcp: Probe<'tcp'> = (_endpoint, _options, io) => {
      late = (endpoint) => io.connect(endpoint)
      return new Promise(() => {})
    }
    const { observe, errors } = observerWith({ tcp, timeoutMs: 30 })
    expect((await observe(tcpCheck(host, port))).addressResults).toMatchObject([failed])
    expect(errors).toHaveLength(1)
    const accepted = once(server, 'connection')
    expect(await late?.({ host, address: host, port })).toMatchObject({ state: 'unknown' })
    const [socket] = (await accepted) as [net.Socket]
    socket.resume()
    await once(socket, 'close')
  })
})

describe('a credential', () => {
  const check = { probe: 'ldap' as const, host: 'dc.lab.test', port: 636, options: { credentialRef: 'env:LDAP' } }
  const lookup = async () => ['127.0.0.1', '127.0.0.2']
  const withheld = { vantage: 'branch', host: 'dc2.lab.test', port: 636 }
  const refusal = { permitted: false, reason: 'credential-withheld', isRunning: false, withheld } as const

  /** A probe that resolves its credential and gives this reason. */
  function binding(reason: ProbeResult<'ldap'>['reason'], facts: ProbeResult<'ldap'>['facts'] = {}) {
    const given: unknown[] = []
    const ldap: Probe<'ldap'> = async (endpoint, { credentialRef = '' }, io) => {
      const resolved = await io.credential(credentialRef, endpoint)
      given.push(resolved)
      return 'refused' in resolved
        ? { state: 'open', reason: resolved.refused, facts: {} }
        : { state: 'open', reason, facts }
    }
    return { ldap, given }
  }

  /** Permits each bind, or decisions with what is scripted. */
  function scriptedBinds(...decisions: (BindDecision | Promise<BindDecision>)[]) {
    const claims: BindClaim[] = []
    const results: (BindResult & { id: string })[] = []
    const binds: Binds = {
      salt: '5f'.repeat(32),
      claim: async (claim) => decisions[claims.push(claim) - 1] ?? { permitted: true, id: `bind ${claims.length}` },
      settle: async (id, result) => void results.push({ id, ...result }),
    }
    return { binds, claims, results }
  }
  const bind = (resultCode: number, adCode?: string) =>
    ({ bind: { as: 'credential', resultCode, resultName: 'a name', ...(adCode && { adCode }) } }) as const

  test.each([
    ['accepted', 'ldap-bind-ok', bind(0)],
    ['refused', 'ldap-invalid-credentials', bind(49, '52e')],
    ['refused', 'ldap-account-locked', bind(49, '775')],
    ['refused', 'ldap-unwilling', bind(53)],
    ['refused', 'ldap-bind-refused', bind(19)],
    ['harmless', 'ldap-account-disabled', bind(49, '533')],
    ['harmless', 'ldap-stronger-auth-required', bind(8)],
    ['refused', 'ldap-bind-refused', bind(51)],
    ['refused', 'ldap-bind-refused', bind(52)],
    ['unknown', 'connection-reset', {}],
  ] as const)('is permitted for each bind, and its result is reported: %s with %s', async (outcome, reason, facts) => {
    const { ldap, given } = binding(reason, facts)
    const { binds, claims, results } = scriptedBinds(undefined as never, refusal)
    const { addressResults } = await observerWith({ ldap, lookup }).observe(check, binds)
    expect(given).toEqual([credential, { refused: 'credential-withheld', withheld }])
    expect(results).toEqual([{ id: 'bind 1', outcome, reason }])
    expect(claims).toMatchObject([{ host: check.host, port: check.port }, { host: check.host }])
    expect(addressResults.map((result) => result.reason)).toEqual([reason, 'credential-withheld'])
  })

  test('shows the service nothing but digests', async () => {
    const { binds, claims } = scriptedBinds()
    await observerWith({ ...binding('ldap-bind-ok', bind(0)), lookup }).observe(check, binds)
    expect(claims).toHaveLength(2)
    expect(claims.every((claim) => Value.Check(BindClaim, claim))).toBe(true)
    expect(findSecrets(Buffer.from(JSON.stringify(claims)), credential)).toEqual([])
  })

  test.each([
    ['there is nothing to ask', undefined],
    [
      'the service does not respond',
      { salt: '', claim: () => Promise.reject(new Error('gone')), settle: async () => {} },
    ],
  ])('is not sent where %s', async (_, binds) => {
    const { ldap, given } = binding('ldap-bind-ok', bind(0))
    await observerWith({ ldap, lookup: async () => ['127.0.0.1'] }).observe(check, binds)
    expect(given).toEqual([{ refused: 'credential-unsettled' }])
  })

  test('is not sent where the service responds too late, and its permission is given back', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const { ldap, given } = binding('ldap-bind-ok', bind(0))
    const late = Promise.withResolvers<BindDecision>()
    const { binds, claims, results } = scriptedBinds(late.promise)
    const observed = observerWith({ ldap, lookup: async () => ['127.0.0.1'] }).observe(check, binds)
    await vi.waitUntil(() => claims.length === 1, { timeout: 10_000, interval: 1 })
    await vi.advanceTimersByTimeAsync(60_000)
    await observed
    late.resolve({ permitted: true, id: 'late' })
    await vi.waitUntil(() => results.length === 1, { timeout: 10_000, interval: 1 })
    expect(results).toEqual([{ id: 'late', outcome: 'unsent' }])
    expect(given).toEqual([{ refused: 'credential-unsettled' }])
  })

  test('that fails to be read is unavailable', async () => {
    const { ldap, given } = binding('ldap-bind-ok', bind(0))
    const { binds, claims } = scriptedBinds()
    const source = () => Promise.reject(new Error('unreadable'))
    await observerWith({ ldap, lookup: async () => ['127.0.0.1'], credential: source }).observe(check, binds)
    expect(given).toEqual([{ refused: 'credential-unavailable' }])
    expect(claims).toEqual([])
  })

  test('that never comes is unavailable after 10 s', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const { ldap, given } = binding('ldap-bind-ok', bind(0))
    const { binds, claims } = scriptedBinds()
    const reading = Promise.withResolvers<void>()
    const source = () => {
      reading.resolve()
      return new Promise<never>(() => {})
    }
    const observed = observerWith({ ldap, lookup: async () => ['127.0.0.1'], credential: source }).observe(check, binds)
    await reading.promise
    await vi.advanceTimersByTimeAsync(9_999)
    expect(given).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    await observed
    expect(given).toEqual([{ refused: 'credential-unavailable' }])
    expect(claims).toEqual([])
  })

  test('is read after the time of the peer, too', async () => {
    const { ldap: bindNow, given } = binding('ldap-bind-ok', bind(0))
    const over = Promise.withResolvers<void>()
    const ldap: Probe<'ldap'> = (endpoint, options, io) => {
      io.deadline.onExpiry(over.resolve)
      return bindNow(endpoint, options, io)
    }
    const source = () => over.promise.then(() => credential)
    const one = { ldap, lookup: async () => ['127.0.0.1'], credential: source, timeoutMs: 20 }
    await observerWith(one).observe(check, scriptedBinds().binds)
    expect(given).toEqual([credential])
  })

  test('is not sent a second time after silence', async () => {
    let tries = 0
    const ldap: Probe<'ldap'> = async (endpoint, { credentialRef = '' }, io) => {
      tries += 1
      await io.credential(credentialRef, endpoint)
      return { state: 'filtered', reason: 'no-response', facts: {} }
    }
    const { binds } = scriptedBinds()
    const { addressResults } = await observerWith({ ldap, lookup: async () => ['127.0.0.1'] }).observe(check, binds)
    expect(addressResults).toMatchObject([{ attempts: 1 }])
    expect(tries).toBe(1)
  })

  test('is not sent a second time where the port is open and silent; its response has more time instead', async () => {
    const timesMs: number[] = []
    const ldap: Probe<'ldap'> = async (endpoint, { credentialRef = '' }, io) => {
      await io.credential(credentialRef, endpoint)
      timesMs.push(io.deadline.remainingMs())
      await new Promise<void>((resolve) => io.deadline.onExpiry(resolve))
      return { state: 'open', reason: 'protocol-timeout', facts: {} }
    }
    const one = { ldap, lookup: async () => ['127.0.0.1'], timeoutMs: 50 }
    const { addressResults } = await observerWith(one).observe(check, scriptedBinds().binds)
    expect(addressResults).toMatchObject([{ reason: 'protocol-timeout', attempts: 1, waitedMs: 150 }])
    expect(timesMs).toEqual([expect.toSatisfy((ms: number) => ms > 100 && ms <= 150)])
  })

  test('is sent in the patient try, if the first try ended before it', async () => {
    let tries = 0
    const { ldap: bindNow, given } = binding('ldap-bind-ok', bind(0))
    const ldap: Probe<'ldap'> = async (endpoint, options, io) => {
      tries += 1
      return tries === 1 ? { state: 'open', reason: 'protocol-timeout', facts: {} } : bindNow(endpoint, options, io)
    }
    const one = { ldap, lookup: async () => ['127.0.0.1'] }
    const { addressResults } = await observerWith(one).observe(check, scriptedBinds().binds)
    expect(addressResults).toMatchObject([{ reason: 'ldap-bind-ok', attempts: 2 }])
    expect(given).toEqual([credential])
  })
})
