import { once } from 'node:events'
import { expect, test } from 'vitest'
import type { Observation } from '../../../src/domain/findings/observation.ts'
import { observeIn, patience } from '../../support/observe-in.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { type Network, startNetwork } from '../../support/peers/netns.ts'
import { mustRun } from '../../support/processes.ts'

const neighbour = '10.78.1.1'
const slow = Array.from({ length: 20 }, (_, i) => `10.78.1.${200 + i}`)

/** A network of a fast host, which responds all the time, and of hosts of which only the Nth SYN gets a response, late. */
async function startSlowHosts(network: Network, { delayMs, responding }: { delayMs: number; responding: number }) {
  const { client, target } = network.namespaces
  await mustRun('ip', ['-n', client, 'route', 'add', '10.78.0.0/16', 'via', network.targetAddress])
  await mustRun('ip', ['-n', target, 'route', 'add', 'local', '10.78.0.0/16', 'dev', 'lo'])
  await network.nft('add rule inet peer input ip daddr 10.78.1.200-10.78.1.219 drop')
  const script = `${import.meta.dirname}/../../support/late-responses.py`
  const argv = ['/usr/bin/python3', '-I', script, 'peer0', '10.78.1.2', String(delayMs), String(responding)]
  const responder = network.spawn('target', argv)
  if (responder.stdout) await once(responder.stdout, 'data')
}

const tcp = (host: string, port: number) => ({ probe: 'tcp' as const, host, port, options: {} })

const observeSlowHosts = async (network: Network, timeoutMs = 2_000): Promise<Observation[]> => {
  const checks = [...slow.map((host) => tcp(host, 443)), ...[1, 2, 3].map((port) => tcp(neighbour, port))]
  return observeIn(network, { ...patience, timeoutMs, tries: 3, spacingMs: 250, checks })
}

const statesOf = (observations: readonly Observation[], host: string) =>
  observations.filter((one) => one.host === host).map(({ addressResults: [{ state }] }) => state)

describeWithPeers(['netns', 'system-calls'], 'beside a neighbour that responds', () => {
  // 30 % of all packets lost, three times in a row, is what these hosts are like at their worst.
  test.for([
    { delayMs: 1_000, responding: 1, what: 'a host with a round trip of a second is open' },
    { delayMs: 0, responding: 3, what: 'a host that misses the first two SYNs is open' },
    {
      delayMs: 1_000,
      responding: 3,
      what: 'a host that misses the first two SYNs and responds to the third a second later is open',
    },
  ])('$what', async ({ delayMs, responding }) => {
    await using network = await startNetwork()
    await startSlowHosts(network, { delayMs, responding })
    const seen = await observeSlowHosts(network)
    expect(statesOf(seen, neighbour)).toEqual(['closed', 'closed', 'closed'])
    expect(slow.flatMap((host) => statesOf(seen, host))).toEqual(slow.map(() => 'open'))
  })

  test('a host with a round trip that is longer than a try is open', async () => {
    await using network = await startNetwork()
    await startSlowHosts(network, { delayMs: 1_200, responding: 0 })
    const seen = await observeSlowHosts(network, 1_000)
    expect(slow.flatMap((host) => statesOf(seen, host))).toEqual(slow.map(() => 'open'))
  })

  test('a host that responds to nothing is filtered after three tries', async () => {
    await using network = await startNetwork()
    await startSlowHosts(network, { delayMs: 0, responding: 100 })
    const seen = await observeSlowHosts(network)
    const results = seen.filter(({ host }) => slow.includes(host)).map(({ addressResults: [first] }) => first)
    expect(results.map(({ state, attempts }) => `${state}, ${attempts}`)).toEqual(slow.map(() => 'filtered, 3'))
  })
})
