import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { Outcome } from '../../../src/probes/engine/probe.ts'
import type { ConnectorKind } from '../../../src/probes/network/connector/open.ts'
import { observeIn, patience } from '../../support/observe-in.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { loadNft } from '../../support/peers/netns.ts'
import {
  addresses,
  families,
  listenAt,
  type RoutedNetwork,
  startRoutedNetwork,
} from '../../support/peers/routed-netns.ts'
import { patienceMs } from '../../support/ports.ts'
import {
  ambiguous,
  firewalled,
  installTreatments,
  isIcmp,
  noNetwork,
  notForwarded,
  open,
  refused,
} from '../../support/treatments.ts'

const openPort = 4_000
const closedPort = 4_001

/** The kernel repeats a SYN after a second: it loses an ICMP message that arrives before connect() returns. */
const quick = { ...patience, timeoutMs: 1_500, tries: 2 }

describeWithPeers(['netns'], 'behind two routers', () => {
  let network: RoutedNetwork

  beforeAll(async () => {
    network = await startRoutedNetwork()
    await installTreatments(network)
    await listenAt(network, openPort)
    // Both directions have resolved their link-layer addresses then, as a quick probe needs.
    const endpoints = families.map((family) => [addresses[family].target, openPort] as const)
    await vi.waitUntil(async () => (await probe(endpoints)).every(({ state }) => state === 'open'), {
      timeout: patienceMs,
    })
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

  test('a reject by a firewall of the vantage is a local failure, and one of an own address is not', async () => {
    await loadNft(
      network.namespaces.client,
      `table inet own {
        chain output {
          type filter hook output priority 0;
          oif != lo tcp dport 5001 reject with icmpx port-unreachable
          oif != lo tcp dport 5002 reject with icmpx admin-prohibited
        }
        chain input {
          type filter hook input priority 0;
          tcp dport 5003 reject with icmpx admin-prohibited
        }
      }
      `,
    )
    const denied = { state: 'unknown', reason: 'local-denied' }
    const own = '10.1.0.1'
    const { target } = addresses.IPv4
    const target6 = addresses.IPv6.target
    const seen = await probe([
      [target, 5_001],
      [target, 5_002],
      [target6, 5_001],
      [target6, 5_002],
      [own, 5_003],
    ])
    expect(seen).toEqual([
      denied,
      denied,
      denied,
      denied,
      { state: 'filtered', reason: 'icmp-prohibited', rejectedBy: own },
    ])
  })
})
