import { once } from 'node:events'
import { expect, test } from 'vitest'
import type { Observation } from '../../../src/domain/findings/observation.ts'
import type { State } from '../../../src/domain/findings/state.ts'
import { observeIn, patience } from '../../support/observe-in.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { firewalledPorts, type Network, routedAddresses, startNetwork } from '../../support/peers/netns.ts'
import { mustRun } from '../../support/processes.ts'

const listening = [22, 389, 443, 8080]
const closed = [21, 23, 80, 636]
const ports = [...listening, ...closed, ...Object.keys(firewalledPorts).map(Number)]

/**
 * Expected differences to `nmap -sT` by our reason code. Nmap has only open, closed and filtered, and reports every ICMP
 * error and ARP failure as filtered.
 */
const differences: Partial<Record<string, { ours: State; nmap: State; why: string }>> = {
  'icmp-unreachable': {
    ours: 'unreachable',
    nmap: 'filtered',
    why: 'without the ICMP message a filter cannot be distinguished from a router that finds no host',
  },
  'host-unreachable': {
    ours: 'unreachable',
    nmap: 'filtered',
    why: 'the address is unused, so there is nothing to filter',
  },
}

describeWithPeers(['netns', 'nmap'], 'nmap -sT as oracle', () => {
  test('gives the same states for more than 300 endpoints, except the listed differences', async () => {
    await using network = await startNetwork()
    const hosts = await addHosts(network)
    const endpoints = [...hosts, ...Object.values(routedAddresses), network.absentAddress].flatMap((host) =>
      ports.map((port) => ({ host, port })),
    )
    expect(endpoints.length).toBeGreaterThan(300)

    const checks = endpoints.map((endpoint) => ({ probe: 'tcp' as const, ...endpoint, options: {} }))
    // Longer than ARP's three seconds, so that the kernel reports absent hosts.
    const ours = await observeIn(network, { ...patience, sockets: 100, timeoutMs: 3_500, tries: 2, checks })
    const theirs = await scan(network, [...new Set(endpoints.map(({ host }) => host))])

    const disagreements = ours.filter((seen) => !isExplained(seen, theirs.get(`${seen.host}:${seen.port}`)))
    expect(disagreements).toEqual([])
    expect(new Set(ours.map(({ addressResults: [seen] }) => seen.state))).toEqual(
      new Set(['open', 'closed', 'filtered', 'unreachable']),
    )
  })
})

function isExplained({ addressResults: [seen] }: Observation, nmap: string | undefined): boolean {
  const known = differences[seen.reason]
  return known ? seen.state === known.ours && nmap === known.nmap : seen.state === nmap
}

/** Adds addresses to the target, with listeners on all of them. */
async function addHosts(network: Network): Promise<string[]> {
  const hosts = Array.from({ length: 16 }, (_, index) => `192.0.2.${10 + index}`)
  for (const host of hosts) {
    await mustRun('ip', ['-n', network.namespaces.target, 'addr', 'add', `${host}/24`, 'dev', 'peer0'])
  }
  const program = `
    const net = require('node:net')
    Promise.all([${listening}].map((port) => new Promise((up) => net.createServer().listen(port, '0.0.0.0', up))))
      .then(() => console.log('up'))`
  const server = network.spawn('target', [process.execPath, '-e', program])
  await once(server.stdout ?? server, 'data')
  return [network.targetAddress, ...hosts]
}

/** The states of nmap's connect scan by `host:port`. */
async function scan(network: Network, hosts: string[]): Promise<Map<string, string>> {
  const argv = ['nmap', '-sT', '-Pn', '-n', '--disable-arp-ping', '--max-retries', '2', '--min-rate', '200']
  const { code, stdout, stderr } = await network.exec('client', [...argv, '-p', ports.join(), '-oX', '-', ...hosts])
  if (code !== 0) throw new Error(`nmap ended with ${code}: ${stderr}`)
  const states = new Map<string, string>()
  for (const [host = ''] of stdout.matchAll(/<host .*?<\/host>/gs)) {
    const address = /<address addr="([^"]+)"/.exec(host)?.[1]
    for (const [, port, state] of host.matchAll(/<port protocol="tcp" portid="(\d+)"><state state="([^"]+)"/g)) {
      states.set(`${address}:${port}`, state ?? '')
    }
  }
  return states
}
