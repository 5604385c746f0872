import { mkdir, rm, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { evidenceOf } from '../../../src/domain/findings/evidence.ts'
import { judge } from '../../../src/domain/findings/judge.ts'
import { describeReason } from '../../../src/domain/findings/reasons.ts'
import type { ResolvedRule } from '../../../src/domain/policy/policy.ts'
import { checkOf } from '../../../src/operations/audits/deduplicate-checks.ts'
import type { ConnectorKind } from '../../../src/probes/network/connector/open.ts'
import { observeIn, patience } from '../../support/observe-in.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { type Network, startNetwork } from '../../support/peers/netns.ts'
import { mustRun } from '../../support/processes.ts'

const v4 = '192.0.2.2'
const v6 = 'fd00:db8::2'
const [blackholed, unrouted6] = ['203.0.113.4', 'fd00:eeee::2']
const hosts = [
  `${v4} dual.test two.test one-blackholed.test`,
  `192.0.2.3 two.test`,
  `${v6} dual.test`,
  `${blackholed} one-blackholed.test`,
  `${v4} one-unrouted.test`,
  `${unrouted6} one-unrouted.test six.test`,
].join('\n')

const closedRule = {
  ...{ id: 'closed', title: 'Closed', severity: 'high', direction: 'inbound', from: ['client'], probe: 'tcp' },
  ...{ port: 1012, expect: { state: ['closed', 'filtered'] } },
} satisfies ResolvedRule

interface Circumstances {
  host?: string
  allow?: string
  /** Which families the vantage has; default: ipv4. */
  vantage?: 'ipv4' | 'dual'
  connectorKind?: ConnectorKind
}

describeWithPeers(['netns'], 'a name with several addresses', () => {
  const networks: Network[] = []
  const ip = (line: string) => mustRun('ip', line.split(' '))
  const etcOf = ({ namespaces: { client } }: Network) => `/etc/netns/${client}` // `ip netns exec` mounts these files over /etc
  beforeAll(async () => {
    networks.push(await startNetwork(), await startNetwork())
    for (const network of networks) {
      const { client, target } = network.namespaces
      await mkdir(etcOf(network), { recursive: true })
      await writeFile(`${etcOf(network)}/hosts`, `${hosts}\n`)
      await ip(`-n ${target} addr add 192.0.2.3/24 dev peer0`)
      await ip(`-n ${client} route add blackhole ${blackholed}`)
    }
    const [, dual] = networks
    await ip(`-n ${dual?.namespaces.client} addr add fd00:db8::1/64 dev peer0 nodad`)
    await ip(`-n ${dual?.namespaces.target} addr add ${v6}/64 dev peer0 nodad`)
  })
  afterAll(async () => {
    for (const network of networks) {
      await rm(etcOf(network), { recursive: true, force: true })
      await network.stop()
    }
  })

  const judgeFrom = async (
    more: Partial<ResolvedRule> = {},
    { host = 'dual.test', allow = '0.0.0.0/0, ::/0', vantage = 'ipv4', ...kind }: Circumstances = {},
  ) => {
    const network = networks[vantage === 'ipv4' ? 0 : 1]
    if (!network) throw new Error('there is no network')
    const rule = { ...closedRule, ...more }
    const [seen] = await observeIn(network, { ...patience, ...kind, allow, checks: [checkOf(rule, host)] })
    if (!seen) throw new Error('there is no observation')
    const { result, reason } = judge(rule, seen, { windowOpen: false })
    const evidence = evidenceOf(seen)
    const { message } = describeReason(reason, evidence)
    const addresses = Object.entries(evidence.addresses).map(([address, one]) => `${address} ${one.reason}`)
    return { judged: `${result} ${reason}`, addresses, message }
  }

  describe('from a vantage without IPv6', () => {
    test.for(['auto', 'node'] as const)('is judged on its IPv4 addresses, connector %s', async (connectorKind) => {
      const { judged, addresses, message } = await judgeFrom({}, { connectorKind })
      expect(judged).toBe('pass addresses-left-out')
      expect(addresses).toEqual([`${v4} connection-refused`, `${v6} ip-family-missing`])
      expect(message).toContain(`Not probed: ${v6} (ip-family-missing).`)
    })

    test('names the other address in a failure too', async () => {
      const { judged, message } = await judgeFrom({ expect: {} })
      expect(judged).toBe('fail connection-refused')
      expect(message).toContain(`Not probed: ${v6} (ip-family-missing).`)
    })

    test.for<[NonNullable<ResolvedRule['families']>, string, string[]]>([
      [['ipv4'], 'pass as-expected', [`${v4} connection-refused`]],
      [['ipv6'], 'unknown no-local-route', [`${v6} no-local-route`]],
      [['ipv4', 'ipv6'], 'unknown ip-family-missing', [`${v4} connection-refused`, `${v6} ip-family-missing`]],
    ])('a rule decides which families count: %o', async ([families, judged, addresses]) => {
      expect(await judgeFrom({ families })).toMatchObject({ judged, addresses })
    })

    test('has no local route to a name with IPv6 alone', async () => {
      expect(await judgeFrom({}, { host: 'six.test' })).toMatchObject({ judged: 'unknown no-local-route' })
      const unnamed = await judgeFrom({ families: ['ipv4'] }, { host: 'six.test' })
      expect(unnamed).toMatchObject({ judged: 'unknown no-address-of-family', addresses: [' no-address-of-family'] })
    })

    test('a missing route to one of its IPv4 addresses is a local failure', async () => {
      const { judged } = await judgeFrom({}, { host: 'one-blackholed.test' })
      expect(judged).toBe('unknown no-local-route')
    })
  })

  test.for<[string, string, string]>([
    ['dual.test', '0.0.0.0/0', v6],
    ['dual.test', '0.0.0.0/0, [::/0]:443', v6],
    ['two.test', `${v4}/32`, '192.0.2.3'],
    ['two.test', `${v4}/32, 192.0.2.3/32:443`, '192.0.2.3'],
  ])('%s leaves out what %s does not allow: %s', async ([host, allow, leftOut]) => {
    const from = { host, allow, vantage: 'dual' } as const
    const { judged, addresses, message } = await judgeFrom({}, from)
    expect(judged).toBe('pass addresses-left-out')
    expect(addresses).toEqual([`${v4} connection-refused`, `${leftOut} egress-denied`])
    expect(message).toContain(`Not probed: ${leftOut} (egress-denied).`)
    const { judged: demanded } = await judgeFrom({ families: ['ipv4', 'ipv6'] }, from)
    expect(demanded).toBe('error egress-denied')
    const { judged: nothingLeft } = await judgeFrom({}, { ...from, allow: '198.51.100.0/24' })
    expect(nothingLeft).toBe('error egress-denied')
  })

  test('a missing route to one IPv6 address is a local failure where the vantage has IPv6', async () => {
    expect(await judgeFrom({}, { host: 'one-unrouted.test', vantage: 'dual' })).toMatchObject({
      judged: 'unknown no-local-route',
      addresses: [`${v4} connection-refused`, `${unrouted6} no-local-route`],
    })
  })
})
