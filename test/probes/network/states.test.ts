import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Outcome } from '../../../src/probes/engine/probe.ts'
import type { ConnectorKind } from '../../../src/probes/network/connector/open.ts'
import { observeIn, patience } from '../../support/observe-in.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import {
  addresses,
  families,
  type Node,
  type RoutedNetwork,
  startRoutedNetwork,
} from '../../support/peers/routed-netns.ts'

const open = { state: 'open', reason: 'tcp-connected' } as const
const refused = { state: 'closed', reason: 'connection-refused' } as const
const portUnreachable = { state: 'closed', reason: 'icmp-port-unreachable' } as const
const silent = { state: 'filtered', reason: 'no-response' } as const
const prohibited = { state: 'filtered', reason: 'icmp-prohibited' } as const
const noHost = { state: 'unreachable', reason: 'host-unreachable' } as const
const noNetwork = { state: 'unreachable', reason: 'network-unreachable' } as const
const notForwarded = { state: 'unreachable', reason: 'icmp-not-forwarded' } as const
/** What the sockets of Node show of an ICMP error: never that a port is closed or filtered. */
const ambiguous = { state: 'unreachable', reason: 'icmp-unreachable' } as const
const noLocalRoute = { state: 'unknown', reason: 'no-local-route' } as const

interface Treatment {
  /** In the words of nft. */
  verdict: string
  atRouter: Outcome
  atTarget: Outcome
  /** With the sockets of Node, at a router and at the target. */
  node: Outcome
  /** States of `nmap -sT`. */
  nmap: 'closed' | 'filtered'
  /** Reason of `nmap -sS --reason`. */
  nmapReason: string
}

const icmp = (type: string, outcomes: Omit<Treatment, 'verdict'>): Treatment => ({
  verdict: `reject with icmp type ${type}`,
  ...outcomes,
})
const icmp6 = (type: string, outcomes: Omit<Treatment, 'verdict'>): Treatment => ({
  verdict: `reject with icmpv6 type ${type}`,
  ...outcomes,
})
const everywhere = (outcome: Outcome) => ({ atRouter: outcome, atTarget: outcome, node: outcome })

const common: readonly Treatment[] = [
  { verdict: 'drop', ...everywhere(silent), nmap: 'filtered', nmapReason: 'no-response' },
  { verdict: 'reject with tcp reset', ...everywhere(refused), nmap: 'closed', nmapReason: 'reset' },
]
const byAdministrator = { atRouter: prohibited, atTarget: prohibited, node: ambiguous, nmap: 'filtered' } as const
const ofPort = { atRouter: portUnreachable, atTarget: portUnreachable, node: refused } as const

const treatments: Readonly<Record<(typeof families)[number], readonly Treatment[]>> = {
  IPv4: [
    ...common,
    icmp('net-unreachable', {
      atRouter: noNetwork,
      atTarget: prohibited,
      node: ambiguous,
      nmap: 'filtered',
      nmapReason: 'net-unreach',
    }),
    icmp('host-unreachable', {
      atRouter: noHost,
      atTarget: prohibited,
      node: ambiguous,
      nmap: 'filtered',
      nmapReason: 'host-unreach',
    }),
    icmp('prot-unreachable', { ...everywhere(prohibited), nmap: 'filtered', nmapReason: 'proto-unreach' }),
    icmp('port-unreachable', { ...ofPort, nmap: 'closed', nmapReason: 'port-unreach' }),
    icmp('net-prohibited', { ...byAdministrator, nmapReason: 'net-prohibited' }),
    icmp('host-prohibited', { ...byAdministrator, nmapReason: 'host-prohibited' }),
    icmp('admin-prohibited', { ...byAdministrator, nmapReason: 'admin-prohibited' }),
  ],
  IPv6: [
    ...common,
    icmp6('no-route', {
      atRouter: noNetwork,
      atTarget: prohibited,
      node: ambiguous,
      nmap: 'filtered',
      nmapReason: 'no-route',
    }),
    icmp6('admin-prohibited', { ...everywhere(prohibited), nmap: 'filtered', nmapReason: 'admin-prohibited' }),
    icmp6('addr-unreachable', {
      atRouter: noHost,
      atTarget: prohibited,
      node: ambiguous,
      nmap: 'filtered',
      nmapReason: 'addr-unreach',
    }),
    icmp6('port-unreachable', { ...ofPort, nmap: 'closed', nmapReason: 'port-unreach' }),
    icmp6('policy-fail', { ...everywhere(prohibited), nmap: 'filtered', nmapReason: 'policy-fail' }),
    icmp6('reject-route', { ...everywhere(prohibited), nmap: 'filtered', nmapReason: 'reject-route' }),
  ],
}

const points = ['target', 'far', 'near'] as const
const isIcmp = ({ verdict }: Treatment) => verdict.includes('icmp')

/** One port for each treatment at each point. */
const firewalled = families.flatMap((family) =>
  points.flatMap((point, at) =>
    treatments[family].map((treatment, i) => ({ family, point, treatment, port: 1_000 * (at + 1) + i })),
  ),
)
const openPort = 4_000
const closedPort = 4_001

/** The kernel repeats a SYN after a second: it loses an ICMP message that arrives before connect() returns. */
const quick = { ...patience, timeoutMs: 1_500, tries: 2 }

describeWithPeers(['netns'], 'behind two routers', () => {
  let network: RoutedNetwork

  beforeAll(async () => {
    network = await startRoutedNetwork()
    for (const point of points) {
      const rules = firewalled.filter((one) => one.point === point)
      const lines = rules.map(
        ({ family, port, treatment }) =>
          `add rule inet peer ${point === 'target' ? 'input' : 'forward'} meta nfproto ${family.toLowerCase()} tcp dport ${port} ${treatment.verdict}`,
      )
      await network.nft(point, lines.join('\n'))
    }
    const program = `require('node:net').createServer().listen(${openPort}, '::', () => console.log('up'))`
    const server = network.spawn('target', [process.execPath, '-e', program])
    await once(server.stdout ?? server, 'data')
  })
  afterAll(() => network.stop())

  const probe = async (
    endpoints: readonly (readonly [address: string, port: number])[],
    more: Partial<typeof patience> & { connectorKind?: ConnectorKind } = {},
  ): Promise<Outcome[]> => {
    const checks = endpoints.map(([host, port]) => ({ probe: 'tcp' as const, host, port, options: {} }))
    const observations = await observeIn(network, { ...quick, ...more, checks })
    return observations.map(({ addressResults: [{ state, reason, rejectedBy }] }) => ({
      ...{ state, reason },
      ...(rejectedBy !== undefined && { rejectedBy }),
    }))
  }

  /** A map by readable names, so that a difference names its case. */
  const byName = (outcomes: readonly Outcome[]) =>
    Object.fromEntries(
      firewalled.map(({ family, point, treatment }, i) => [`${family}, ${point}: ${treatment.verdict}`, outcomes[i]]),
    )
  const firewalledEndpoints = firewalled.map(({ family, port }) => [addresses[family].target, port] as const)

  test('each reject has its state, and the sender of an ICMP message is known', async () => {
    const expected = firewalled.map(({ family, point, treatment }) => {
      const outcome = point === 'target' ? treatment.atTarget : treatment.atRouter
      return isIcmp(treatment) ? { ...outcome, rejectedBy: addresses[family][point] } : outcome
    })
    expect(byName(await probe(firewalledEndpoints))).toEqual(byName(expected))
  })

  test('the sockets of Node never take an ambiguous error for a closed or filtered port', async () => {
    const seen = await probe(firewalledEndpoints, { connectorKind: 'node' })
    expect(byName(seen)).toEqual(byName(firewalled.map(({ treatment }) => treatment.node)))
  })

  test.for(families)('a listener is open and a port without one is closed, %s', async (family) => {
    const { target } = addresses[family]
    for (const connectorKind of ['auto', 'node'] as const)
      expect(
        await probe(
          [
            [target, openPort],
            [target, closedPort],
          ],
          { connectorKind },
        ),
      ).toEqual([open, refused])
  })

  test.for(families)('without a route at a router, and in a routing loop, %s', async (family) => {
    const { noRoute, near, loop, far } = addresses[family]
    const seen = await probe([
      [noRoute, 80],
      [loop, 80],
    ])
    expect(seen).toEqual([
      { ...noNetwork, rejectedBy: near },
      { ...notForwarded, rejectedBy: expect.stringMatching(`^(${near}|${far})$`) },
    ])
    expect(
      await probe(
        [
          [noRoute, 80],
          [loop, 80],
        ],
        { connectorKind: 'node' },
      ),
    ).toEqual([ambiguous, ambiguous])
  })
})

export { type Node, noHost, noLocalRoute }
