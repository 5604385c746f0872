import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { judge, type Result } from '../../src/domain/findings/judge.ts'
import type { FirewallProposal } from '../../src/domain/firewall/change.ts'
import { proposeChanges } from '../../src/domain/firewall/propose.ts'
import { resolveRule } from '../../src/domain/policy/parameters.ts'
import type { PolicyDocument, PolicyRule, ResolvedRule } from '../../src/domain/policy/policy.ts'
import { renderNftables } from '../../src/report/firewall/nftables.ts'
import { observeIn, patience } from '../support/observe-in.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import {
  addresses,
  type Family,
  families,
  listenAt,
  type RoutedNetwork,
  startProgram,
  startRoutedNetwork,
} from '../support/peers/routed-netns.ts'

const ports = { https: 443, ssh: 22, rpc: 135, other: 8080, snmp: 161 }
const datagrams = 'snmp'
const rule = (id: keyof typeof ports, state: string[]): PolicyRule => ({
  ...{ id, title: id, severity: 'high', direction: 'inbound', from: ['client'], port: ports[id] },
  probe: id === datagrams ? 'udp' : 'tcp',
  expect: { state },
})
/** A host before its first firewall fails all of it but HTTPS. */
const document: PolicyDocument = {
  name: 'proven',
  title: 'Proven',
  rules: [
    rule('https', ['open']),
    rule('ssh', ['filtered']),
    rule('rpc', ['closed']),
    rule('other', ['closed', 'filtered']),
    rule('snmp', ['closed', 'filtered']),
  ],
}
/** Responds to each datagram. */
const echo = `const socket = require('node:dgram').createSocket('udp6')
  socket.on('message', (data, { port, address }) => socket.send('x', port, address)).bind(${ports.snmp}, () => console.log('up'))`
const clients = { IPv4: '10.1.0.0/16', IPv6: 'fd00:1::/64' }

describeWithPeers(['netns'], 'a ruleset that was made of a policy', () => {
  let network: RoutedNetwork

  beforeAll(async () => {
    network = await startRoutedNetwork()
    const streams = Object.entries(ports).filter(([id]) => id !== datagrams)
    await Promise.all(streams.map(([, port]) => listenAt(network, port)))
    await startProgram(network, echo)
  })
  afterAll(() => network?.stop())

  function rulesetFor(family: Family, networks: string[]): string {
    const { target: address } = addresses[family]
    const origin = { vantage: null, zones: ['client'], networks }
    const proposal: FirewallProposal = {
      policy: { name: document.name, version: 1, digest: 'd' },
      target: { name: address, address, addresses: [address] },
      ...{ origin, at: new Date(0) },
      ...proposeChanges({ document, values: {}, address, origin, addressesOf: (host) => [host] }),
    }
    return renderNftables(proposal)
  }

  /** The results of the policy from the client. */
  async function audit(family: Family): Promise<Record<string, Result>> {
    const rules = document.rules.map((one) => resolveRule(one, {}) as ResolvedRule)
    const checks = rules.map(({ port, probe }) => ({
      probe,
      host: addresses[family].target,
      port,
      options: {},
    }))
    const observations = await observeIn(network, { ...patience, checks })
    return Object.fromEntries(
      rules.map((one, index) => [one.id, judge(one, observations[index] as never, { windowOpen: false }).result]),
    )
  }

  const passes = { https: 'pass', ssh: 'pass', rpc: 'pass', other: 'pass', snmp: 'pass' }
  const failing = { https: 'pass', ssh: 'fail', rpc: 'fail', other: 'fail', snmp: 'fail' }

  describe.each(families)('for %s', (family) => {
    test.each(['target', 'far'] as const)(
      'makes the policy pass that failed before, loaded at node %s',
      async (node) => {
        expect(await audit(family)).toEqual(failing)
        const script = rulesetFor(family, [clients[family]])
        await network.nft(node, script)
        expect(await audit(family)).toEqual(passes)
        await network.nft(node, /^delete .*$/m.exec(script)?.[0] ?? '')
      },
    )

    test('does nothing to the flows of other networks', async () => {
      const script = rulesetFor(family, [family === 'IPv4' ? '10.99.0.0/16' : 'fd00:99::/64'])
      await network.nft('target', script)
      expect(await audit(family)).toEqual(failing)
      await network.nft('target', /^delete .*$/m.exec(script)?.[0] ?? '')
    })
  })
})
