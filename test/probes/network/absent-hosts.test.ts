import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Outcome } from '../../../src/probes/engine/probe.ts'
import type { ConnectorKind } from '../../../src/probes/network/connector/open.ts'
import { observeIn, patience } from '../../support/observe-in.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import {
  addresses,
  families,
  type RoutedNetwork,
  setKernel,
  startRoutedNetwork,
} from '../../support/peers/routed-netns.ts'
import { mustRun } from '../../support/processes.ts'

const kinds = ['auto', 'node'] as const
const ports = [22, 80, 443]

const noHost = { state: 'unreachable', reason: 'host-unreachable' } as const
const noLocalRoute = { state: 'unknown', reason: 'no-local-route' } as const
/** The sockets of Node show neither the message of a router nor its sender. */
const ambiguous = { state: 'unreachable', reason: 'icmp-unreachable' } as const
const silent = { state: 'filtered', reason: 'no-response' } as const

describeWithPeers(['netns'], 'an absent host proves no port closed', () => {
  let network: RoutedNetwork
  let used = 0

  beforeAll(async () => {
    network = await startRoutedNetwork()
  })
  afterAll(() => network.stop())

  /** Addresses that no other test resolves, one of each family. */
  const absentHosts = (where: 'absent' | 'absentOnLink'): string[] => {
    used += 1
    return families.map((family) => addresses[family][where](used))
  }
  const routed = (kind: ConnectorKind): Outcome[] =>
    families.map((family) => (kind === 'node' ? ambiguous : { ...noHost, rejectedBy: addresses[family].far }))

  /** The outcomes of each host, one for each port. */
  const probe = async (
    hosts: readonly string[],
    more: Partial<typeof patience> & { connectorKind: ConnectorKind },
  ): Promise<Outcome[][]> => {
    const checks = hosts.flatMap((host) => ports.map((port) => ({ probe: 'tcp' as const, host, port, options: {} })))
    const observations = await observeIn(network, { ...patience, tries: 3, spacingMs: 250, ...more, checks })
    const seen = observations.map(({ addressResults: [{ state, reason, rejectedBy }] }) => ({
      ...{ state, reason },
      ...(rejectedBy !== undefined && { rejectedBy }),
    }))
    return hosts.map((_, i) => seen.slice(i * ports.length, (i + 1) * ports.length))
  }
  const onEachPort = (outcomes: readonly Outcome[]): Outcome[][] => outcomes.map((outcome) => ports.map(() => outcome))

  const timeouts = [50, 300, 2_000, 4_000].flatMap((timeoutMs) => kinds.map((kind) => [timeoutMs, kind] as const))
  test.concurrent.for(timeouts)('with a timeout of %i ms, connector %s', async ([timeoutMs, connectorKind]) => {
    const hosts = [...absentHosts('absent'), ...absentHosts('absentOnLink')]
    const seen = await probe(hosts, { timeoutMs, connectorKind })
    expect(seen).toEqual(onEachPort([...routed(connectorKind), noHost, noHost]))
  })

  test.concurrent.for(kinds)('with one connection to it at a time, connector %s', async (connectorKind) => {
    const seen = await probe(absentHosts('absent'), { timeoutMs: 300, perHost: 1, connectorKind })
    expect(seen).toEqual(onEachPort(routed(connectorKind)))
  })

  test.concurrent.for(kinds)('while a router resolves its address for others, connector %s', async (connectorKind) => {
    const hosts = absentHosts('absent')
    const early = probe(hosts, { timeoutMs: 4_000, connectorKind })
    const late = probe(hosts, { timeoutMs: 1_700, tries: 2, connectorKind })
    const expected = onEachPort(routed(connectorKind))
    expect(await Promise.all([early, late])).toEqual([expected, expected])
  })

  test.concurrent.for(kinds)('behind a lost gateway: the vantage has failed, connector %s', async (connectorKind) => {
    const hosts = families.map((family) => addresses[family].lostGateway)
    const seen = await probe(hosts, { timeoutMs: 300, connectorKind })
    expect(seen).toEqual(onEachPort([noLocalRoute, noLocalRoute]))
  })

  test('nor does a lost gateway of policy routing, whose table the vantage may not know', async () => {
    const { client } = network.namespaces
    for (const [family, to, via] of [
      ['-4', '10.7.0.0/16', addresses.IPv4.absentOnLink(250)],
      ['-6', 'fd00:7::/64', addresses.IPv6.absentOnLink(250)],
    ] as const) {
      await mustRun('ip', ['-n', client, family, 'rule', 'add', 'to', to, 'lookup', '100'])
      await mustRun('ip', ['-n', client, family, 'route', 'add', to, 'via', via, 'table', '100'])
    }
    const seen = await probe(['10.7.0.1', 'fd00:7::1'], { timeoutMs: 300, connectorKind: 'auto' })
    expect(seen).toEqual(onEachPort([noLocalRoute, noLocalRoute]))
  })

  test.concurrent.for(kinds)(
    'yet a present host that drops all packets is filtered, connector %s',
    async (connectorKind) => {
      await network.nft('target', 'add rule inet peer input tcp dport { 22, 80, 443 } drop')
      const hosts = families.map((family) => addresses[family].target)
      expect(await probe(hosts, { timeoutMs: 300, connectorKind })).toEqual(onEachPort([silent, silent]))
    },
  )
})

describeWithPeers(['netns'], 'a host that has just been switched off', () => {
  test.for(kinds)('is silent or unreachable, and never closed, connector %s', async (connectorKind) => {
    await using network = await startRoutedNetwork()
    const { namespaces } = network
    // Each is a host on the link of the one that sends to it: a router, and the vantage.
    const [behind, onLink] = [families.map((of) => addresses[of].target), families.map((of) => addresses[of].near)]
    const checks = [...behind, ...onLink].map((host) => ({ probe: 'tcp' as const, host, port: 22, options: {} }))
    const probe = async (timeoutMs: number) => {
      const observations = await observeIn(network, { ...patience, timeoutMs, connectorKind, checks })
      return observations.map(({ addressResults: [{ state, reason }] }) => ({ state, reason }))
    }
    expect(await probe(10_000)).toEqual(checks.map(() => ({ state: 'closed', reason: 'connection-refused' })))
    await mustRun('ip', ['-n', namespaces.target, 'addr', 'flush', 'dev', 'to-far'])
    await mustRun('ip', ['-n', namespaces.near, 'addr', 'flush', 'dev', 'to-client'])
    expect(
      (await probe(300)).filter(({ state, reason }) => state !== 'unreachable' && reason !== 'no-response'),
    ).toEqual([])
  })
})

describeWithPeers(['netns'], 'a router that limits its ICMP messages as Linux does by default', () => {
  async function startLimited(): Promise<RoutedNetwork> {
    const network = await startRoutedNetwork()
    await setKernel(network.namespaces.far, ['ipv4/icmp_ratemask=6168', 'ipv6/icmp/ratemask=0-1,3-127'])
    return network
  }
  const checksOf = (hosts: readonly string[]) =>
    hosts.flatMap((host) => ports.map((port) => ({ probe: 'tcp' as const, host, port, options: {} })))

  test.concurrent.for([300, 1_000, 2_000, 4_000])(
    'reports one absent host at a timeout of %i ms',
    async (timeoutMs) => {
      await using network = await startLimited()
      const hosts = families.map((family) => addresses[family].absent(1))
      const observations = await observeIn(network, {
        ...{ ...patience, tries: 3, spacingMs: 250, timeoutMs },
        checks: checksOf(hosts),
      })
      const states = observations.map(({ addressResults: [{ state }] }) => state)
      expect(states).toEqual(states.map(() => 'unreachable'))
    },
  )

  test('leaves many absent hosts unreachable or silent, each with the same state on all of its ports', async () => {
    await using network = await startLimited()
    const hosts = Array.from({ length: 40 }, (_, index) => addresses.IPv4.absent(index + 1))
    const request = { ...patience, timeoutMs: 1_000, tries: 2, checks: checksOf(hosts) }
    const byHost = Map.groupBy(await observeIn(network, request), ({ host }) => host)
    const states = [...byHost.values()].map((seen) => [
      ...new Set(seen.map(({ addressResults: [{ state }] }) => state)),
    ])
    expect(states.filter((of) => of.length !== 1)).toEqual([])
    expect(new Set(states.flat())).toEqual(new Set(['unreachable', 'filtered']))
  })
})
