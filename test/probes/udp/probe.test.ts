import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ConnectorKind } from '../../../src/probes/network/connector/open.ts'
import { observeIn, patience } from '../../support/observe-in.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { type Network, routedAddresses, startNetwork } from '../../support/peers/netns.ts'
import { mustRun } from '../../support/processes.ts'

describeWithPeers(['netns'], 'the table of UDP states, in network namespaces', () => {
  let network: Network
  beforeAll(async () => {
    network = await startNetwork()
    const { client, target } = network.namespaces
    await mustRun('ip', ['-n', client, 'addr', 'add', 'fd00:db8::1/64', 'dev', 'peer0', 'nodad'])
    await mustRun('ip', ['-n', target, 'addr', 'add', 'fd00:db8::2/64', 'dev', 'peer0', 'nodad'])
    await mustRun('ip', ['-n', client, 'route', 'add', 'unreachable', '203.0.113.3'])
    await mustRun('ip', ['-n', client, 'route', 'add', 'prohibit', '203.0.113.2'])
    const rules = Object.entries(firewalled).map(([port, verdict]) => `udp dport ${port} ${verdict}`)
    await network.nft(`table inet datagrams { chain input { type filter hook input priority 0; policy accept;
      ${rules.join('\n')}
    }
    }
    `)
    const listeners = `
      const { createSocket } = require('node:dgram')
      const bind = (type, port, reply) => new Promise((resolve) => {
        const socket = createSocket({ type, ipv6Only: type === 'udp6' }, (datagram, { port, address }) => {
          if (reply) socket.send(datagram.length > 0 ? datagram : 'empty', port, address)
        })
        socket.bind(port, resolve)
      })
      Promise.all([bind('udp4', 1010, true), bind('udp6', 1010, true), bind('udp4', 1013, false)]).then(() => console.log('up'))`
    const server = network.spawn('target', [process.execPath, '-e', listeners])
    await once(server.stdout ?? server, 'data')
  })
  afterAll(() => network?.stop())

  const observe = async (
    endpoints: readonly (readonly [string, number])[],
    connectorKind: ConnectorKind,
    payload = '00',
  ) => {
    const checks = endpoints.map(([host, port]) => ({ probe: 'udp' as const, host, port, options: { payload } }))
    const settings = { ...patience, timeoutMs: 400, tries: 2, spacingMs: 50, connectorKind, checks }
    const observations = await observeIn(network, settings)
    return observations.map(({ addressResults: [only] }) => only)
  }

  test.for(['auto', 'node'] as const)('each treatment of a datagram has its state, connector %s', async (kind) => {
    const rows = table.filter(([, , , , only]) => only === undefined || only === kind)
    const seen = await observe(
      rows.map(([, address, port]) => [address, port]),
      kind,
    )
    const found = seen.map(({ state, reason }, i) => [rows[i]?.[0], { state, reason }])
    expect(found).toEqual(rows.map(([what, , , outcome]) => [what, outcome]))
  })

  test('the sender of the message is named, and an empty datagram is one', async () => {
    const [closed, rejected, responded] = await observe(
      [
        [target, 1012],
        [target, 1004],
        [target, 1010],
      ],
      'auto',
      '',
    )
    expect(closed).toMatchObject({ state: 'closed', rejectedBy: target })
    expect(rejected).toMatchObject({ state: 'filtered', rejectedBy: target })
    expect(responded).toMatchObject({ state: 'open', attempts: 1 })
  })

  test('silence takes every try', async () => {
    const [silence] = await observe([[target, 1001]], 'auto')
    expect(silence).toMatchObject({ reason: 'udp-no-response', attempts: 2 })
  })
})

const target = '192.0.2.2'
const target6 = 'fd00:db8::2'
const firewalled = {
  1001: 'drop',
  1003: 'reject with icmpx port-unreachable',
  1004: 'reject with icmpx admin-prohibited',
  1007: 'reject with icmpx host-unreachable',
}

const open = { state: 'open', reason: 'udp-responded' }
const closed = { state: 'closed', reason: 'icmp-port-unreachable' }
const silent = { state: 'unknown', reason: 'udp-no-response' }
const prohibited = { state: 'filtered', reason: 'icmp-prohibited' }
const noLocalRoute = { state: 'unknown', reason: 'no-local-route' }

/** The last column is the only connector that sees the row so: the sockets of Node are shown fewer messages. */
const table: readonly (readonly [
  what: string,
  address: string,
  port: number,
  outcome: object,
  only?: ConnectorKind,
])[] = [
  ['a server that responds', target, 1010, open],
  ['a server that is silent', target, 1013, silent],
  ['no server', target, 1012, closed],
  ['DROP', target, 1001, silent],
  ['REJECT with port-unreachable', target, 1003, closed],
  ['REJECT with admin-prohibited', target, 1004, prohibited, 'auto'],
  ['REJECT with host-unreachable by the host itself', target, 1007, prohibited, 'auto'],
  ['a blackhole route at a router', routedAddresses.blackhole, 53, silent],
  ['a prohibit route at a router', routedAddresses.prohibit, 53, prohibited, 'auto'],
  ['a server that responds, over IPv6', target6, 1010, open],
  ['no server, over IPv6', target6, 1012, closed],
  ['DROP, over IPv6', target6, 1001, silent],
  ['a network without a local route', '203.0.113.1', 53, noLocalRoute],
  ['a local unreachable route', '203.0.113.3', 53, noLocalRoute],
  ['a local prohibit route', '203.0.113.2', 53, { state: 'unknown', reason: 'local-denied' }],
]
