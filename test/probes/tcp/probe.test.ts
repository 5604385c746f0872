import { once } from 'node:events'
import net from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDeadline } from '../../../src/probes/engine/deadline.ts'
import { watchDescriptors } from '../../../src/probes/engine/descriptor-pressure.ts'
import type { ConnectorKind } from '../../../src/probes/network/connector/open.ts'
import { createDialler } from '../../../src/probes/network/dial.ts'
import { createEgressPolicy } from '../../../src/probes/network/egress-policy.ts'
import { probeTcp } from '../../../src/probes/tcp/probe.ts'
import { connectorForTest } from '../../support/connectors.ts'
import { listen } from '../../support/listen.ts'
import { observeIn, patience } from '../../support/observe-in.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { type Network, routedAddresses, startNetwork } from '../../support/peers/netns.ts'
import { mustRun } from '../../support/processes.ts'

test('an open port takes one connection, which ends with FIN', async () => {
  const server = net.createServer({ allowHalfOpen: true })
  const { host, port, close } = await listen(server)
  const dialler = createDialler({
    connector: await connectorForTest(),
    egress: createEgressPolicy({ allow: [{ cidr: '127.0.0.0/8' }] }),
    descriptors: watchDescriptors(),
  })
  const deadline = createDeadline(5_000)
  // A reset would be an 'error', and once() would throw it.
  const ended = once(server, 'connection').then(([socket]) => once((socket as net.Socket).resume(), 'end'))
  const result = await probeTcp(
    { host, address: host, port },
    {},
    {
      deadline,
      requester: 'portwarden tests',
      connect: (endpoint) => dialler.dial(endpoint, deadline),
      reach: (endpoint) => dialler.reach(endpoint, deadline),
      exchange: () => Promise.reject(new Error('only for datagrams')),
      credential: async () => ({ refused: 'credential-unavailable' }),
    },
  )
  expect(result).toEqual({ state: 'open', reason: 'tcp-connected', facts: {}, latencyMs: expect.any(Number) })
  await ended
  await close()
})

describeWithPeers(['netns'], 'the table of TCP states, in network namespaces', () => {
  let network: Network

  beforeAll(async () => {
    network = await startNetwork()
    const { client, target } = network.namespaces
    await mustRun('ip', ['-n', client, 'addr', 'add', 'fd00:db8::1/64', 'dev', 'peer0', 'nodad'])
    await mustRun('ip', ['-n', target, 'addr', 'add', 'fd00:db8::2/64', 'dev', 'peer0', 'nodad'])
    const routes = [`203.0.113.64/26 via ${network.absentAddress}`, ...ownRoutes]
    for (const route of routes) await mustRun('ip', ['-n', client, 'route', 'add', ...route.split(' ')])
    await network.nft(`table ip6 peer6 {
      chain input {
        type filter hook input priority 0; policy accept;
        ${Object.entries(firewalledPorts6)
          .map(([port, verdict]) => `tcp dport ${port} ${verdict}`)
          .join('\n')}
      }
    }
    `)
    const listeners = `
      const net = require('node:net')
      const full = { host: '0.0.0.0', port: 1011, backlog: 1 }
      net.createServer().listen(1010, '::', () => net.createServer().listen(full, () => {
        console.log('up')
        process.kill(process.pid, 'SIGSTOP') // stop accepting
      }))`
    const server = network.spawn('target', [process.execPath, '-e', listeners])
    await once(server.stdout ?? server, 'data')
  })
  afterAll(() => network.stop())

  const probeAddresses = async (
    endpoints: (readonly [address: string, port: number])[],
    more: Partial<typeof patience> & { connectorKind?: ConnectorKind } = {},
  ) => {
    const checks = endpoints.map(([host, port]) => ({ probe: 'tcp' as const, host, port, options: {} }))
    const observations = await observeIn(network, { ...patience, ...more, checks })
    return observations.map(({ addressResults: [addressResult] }) => addressResult)
  }

  test.for(['auto', 'node'] as const)('each treatment of a SYN has its state, connector %s', async (connectorKind) => {
    const seen = await probeAddresses(
      table.map(([, address, port]) => [address, port]),
      { connectorKind },
    )
    const found = seen.map(({ state, reason, attempts }, index) => [table[index]?.[0], { state, reason }, attempts])
    const expected = table.map(([what, , , outcome, byNode = outcome]) => [
      what,
      connectorKind === 'node' ? byNode : outcome,
      1,
    ])
    expect(found).toEqual(expected)
  })

  test('a full accept queue is filtered, and connections queued before it was full are open', async () => {
    const seen: unknown[] = []
    for (let connections = 0; connections < 3; connections += 1) seen.push(...(await probeAddresses([[target, 1011]])))
    expect(seen).toMatchObject([open, open, silent])
  })

  test.concurrent('a host without an ARP reply is unreachable, on every port and at any time', async () => {
    const seen = await probeAddresses(
      [1, 2].map((port) => [network.absentAddress, port]),
      { timeoutMs: 4_000, perHost: 1 },
    )
    // Sequential: the second finds the failed resolution, or starts another.
    for (const addressResult of seen) expect(addressResult).toMatchObject({ ...hostUnreachable, attempts: 1 })
  })

  test.concurrent("a host without an ARP reply is unreachable even if the deadline is below ARP's three seconds", async () => {
    const seen = await probeAddresses([['192.0.2.98', 80]], { timeoutMs: 300, tries: 2 })
    expect(seen).toMatchObject([{ ...hostUnreachable, attempts: 2 }])
  })

  test.concurrent("an early ICMP error after another check's ARP failure does not make an absent host filtered", async () => {
    const early = probeAddresses([['192.0.2.97', 80]], { timeoutMs: 4_000 })
    const late = probeAddresses([['192.0.2.97', 81]], { timeoutMs: 400, tries: 10 })
    expect(await Promise.all([early, late])).toMatchObject([[hostUnreachable], [hostUnreachable]])
  })

  test.concurrent('a local gateway without an ARP reply is a local failure, not a state of the target', async () => {
    const seen = await probeAddresses([['203.0.113.70', 80]], { timeoutMs: 4_000 })
    const impatient = await probeAddresses([['203.0.113.71', 80]], { timeoutMs: 300 })
    expect([...seen, ...impatient]).toMatchObject([noLocalRoute, noLocalRoute])
  })

  test.concurrent('an absent IPv6 neighbour is unreachable', async () => {
    expect(await probeAddresses([['fd00:db8::99', 80]], { timeoutMs: 4_000 })).toMatchObject([hostUnreachable])
  })
})

const open = { state: 'open', reason: 'tcp-connected' }
const closed = { state: 'closed', reason: 'connection-refused' }
const portUnreachable = { state: 'closed', reason: 'icmp-port-unreachable' }
const silent = { state: 'filtered', reason: 'no-response' }
const prohibited = { state: 'filtered', reason: 'icmp-prohibited' }
const ambiguous = { state: 'unreachable', reason: 'icmp-unreachable' }
const hostUnreachable = { state: 'unreachable', reason: 'host-unreachable' }
const noLocalRoute = { state: 'unknown', reason: 'no-local-route' }

const target = '192.0.2.2'
const target6 = 'fd00:db8::2'

const ownRoutes = [
  ...['prohibit 203.0.113.2', 'unreachable 203.0.113.3', 'blackhole 203.0.113.4', 'throw 203.0.113.5'],
  ...['prohibit fd00:eeee::1', 'unreachable fd00:eeee::2', 'blackhole fd00:eeee::3', 'throw fd00:eeee::4'],
]

/** The last column is the outcome with the sockets of Node, where it differs: they show an errno for several messages. */
const table: readonly (readonly [what: string, address: string, port: number, outcome: object, byNode?: object])[] = [
  ['a listener that never accepts', target, 1010, open],
  ['no listener', target, 1012, closed],
  ['DROP', target, 1001, silent],
  ['REJECT with tcp reset', target, 1002, closed],
  ['REJECT with port-unreachable', target, 1003, portUnreachable, closed],
  ['REJECT with admin-prohibited', target, 1004, prohibited, ambiguous],
  ['REJECT with host-prohibited', target, 1005, prohibited, ambiguous],
  ['REJECT with net-unreachable', target, 1006, prohibited, ambiguous],
  ['REJECT with host-unreachable', target, 1007, prohibited, ambiguous],
  ['REJECT with prot-unreachable', target, 1008, prohibited],
  ['REJECT with net-prohibited', target, 1009, prohibited, ambiguous],
  ['a prohibit route at a router', routedAddresses.prohibit, 80, prohibited, ambiguous],
  ['an unreachable route at a router', routedAddresses.unreachable, 80, hostUnreachable, ambiguous],
  ['a blackhole route at a router', routedAddresses.blackhole, 80, silent],
  ['a listener that never accepts, over IPv6', target6, 1010, open],
  ['no listener, over IPv6', target6, 1012, closed],
  ['REJECT with icmpv6 no-route', target6, 2001, prohibited, ambiguous],
  ['REJECT with icmpv6 admin-prohibited', target6, 2002, prohibited],
  ['REJECT with icmpv6 addr-unreachable, like an absent neighbour', target6, 2003, prohibited, hostUnreachable],
  ['REJECT with icmpv6 port-unreachable', target6, 2004, portUnreachable, closed],
  ['REJECT with icmpv6 policy-fail', target6, 2005, prohibited],
  ['REJECT with icmpv6 reject-route', target6, 2006, prohibited],
  ['DROP, over IPv6', target6, 2007, silent],
  ['a network without a local route', '203.0.113.1', 80, noLocalRoute],
  ['a local prohibit route', '203.0.113.2', 80, { state: 'unknown', reason: 'local-denied' }],
  ['a local unreachable route', '203.0.113.3', 80, noLocalRoute],
  ['a local blackhole route', '203.0.113.4', 80, { state: 'unknown', reason: 'no-local-route' }],
  ['a local throw route', '203.0.113.5', 80, noLocalRoute],
  ['a local unreachable route, over IPv6', 'fd00:eeee::2', 80, noLocalRoute],
  ['a local blackhole route, over IPv6', 'fd00:eeee::3', 80, noLocalRoute],
  ['a local throw route, over IPv6', 'fd00:eeee::4', 80, noLocalRoute],
  ['a local prohibit route, over IPv6', 'fd00:eeee::1', 80, { state: 'unknown', reason: 'local-denied' }],
  ['a network without a local route, over IPv6', 'fd00:ffff::1', 80, noLocalRoute],
]

/** `firewalledPorts` for ICMPv6. */
const firewalledPorts6 = {
  2001: 'reject with icmpv6 type no-route',
  2002: 'reject with icmpv6 type admin-prohibited',
  2003: 'reject with icmpv6 type addr-unreachable',
  2004: 'reject with icmpv6 type port-unreachable',
  2005: 'reject with icmpv6 type policy-fail',
  2006: 'reject with icmpv6 type reject-route',
  2007: 'drop',
}
