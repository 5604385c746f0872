import { once } from 'node:events'
import { mustRun } from '../processes.ts'
import { loadNft, type Namespaces, startNamespaces } from './netns.ts'
import type { Peer } from './peer.ts'

/** From the prober to the target: `client`, the routers `near` and `far`, `target`. */
export const nodes = ['client', 'near', 'far', 'target'] as const
export type Node = (typeof nodes)[number]

export const families = ['IPv4', 'IPv6'] as const
export type Family = (typeof families)[number]

interface Addresses {
  target: string
  /** The addresses from which the routers send to the client. */
  near: string
  far: string
  /** An address of the target's network that no host has. */
  absent: (index: number) => string
  /** The same on the client's link. */
  absentOnLink: (index: number) => string
  /** Routed to `near`, which has no route. */
  noRoute: string
  /** Routed through a gateway that does not exist. */
  lostGateway: string
  /** `near` sends it to `far`, which sends it back. */
  loop: string
}

export const addresses: Readonly<Record<Family, Addresses>> = {
  IPv4: {
    target: '10.3.0.10',
    near: '10.1.0.254',
    far: '10.2.0.2',
    absent: (index) => `10.3.1.${index}`,
    absentOnLink: (index) => `10.1.1.${index}`,
    noRoute: '10.4.0.1',
    lostGateway: '10.5.0.1',
    loop: '10.6.0.1',
  },
  IPv6: {
    target: 'fd00:3::10',
    near: 'fd00:1::fe',
    far: 'fd00:2::2',
    absent: (index) => `fd00:3::1:${index}`,
    absentOnLink: (index) => `fd00:1::1:${index}`,
    noRoute: 'fd00:4::1',
    lostGateway: 'fd00:5::1',
    loop: 'fd00:6::1',
  },
}

export interface RoutedNetwork extends Peer, Namespaces<Node> {
  /** Adds rules to the firewall of a node: `input` of the target, `forward` of a router. */
  nft: (node: Exclude<Node, 'client'>, script: string) => Promise<void>
}

/** Links from the client to the target; the first address is that of the side that is nearer to the client. */
const links = [
  ['client', 'near', '10.1.0.1/16', '10.1.0.254/16', 'fd00:1::1/64', 'fd00:1::fe/64'],
  ['near', 'far', '10.2.0.1/16', '10.2.0.2/16', 'fd00:2::1/64', 'fd00:2::2/64'],
  ['far', 'target', '10.3.0.254/16', '10.3.0.10/16', 'fd00:3::fe/64', 'fd00:3::10/64'],
] as const

const routes: readonly (readonly [Node, string])[] = [
  ...['10.2.0.0/16', '10.3.0.0/16', '10.4.0.0/16', '10.6.0.0/16'].map(
    (net) => ['client', `${net} via 10.1.0.254`] as const,
  ),
  ...['fd00:2::/64', 'fd00:3::/64', 'fd00:4::/64', 'fd00:6::/64'].map(
    (net) => ['client', `${net} via fd00:1::fe`] as const,
  ),
  ['client', '10.5.0.0/16 via 10.1.1.250'],
  ['client', 'fd00:5::/64 via fd00:1::1:250'],
  ...['10.3.0.0/16', '10.6.0.0/16'].map((net) => ['near', `${net} via 10.2.0.2`] as const),
  ...['fd00:3::/64', 'fd00:6::/64'].map((net) => ['near', `${net} via fd00:2::2`] as const),
  ...['10.1.0.0/16', '10.6.0.0/16'].map((net) => ['far', `${net} via 10.2.0.1`] as const),
  ...['fd00:1::/64', 'fd00:6::/64'].map((net) => ['far', `${net} via fd00:2::1`] as const),
  ['target', '10.1.0.0/16 via 10.3.0.254'],
  ['target', 'fd00:1::/64 via fd00:3::fe'],
]

/** Four private network namespaces in a row, without default routes. The routers limit no ICMP messages. */
export function startRoutedNetwork(): Promise<RoutedNetwork> {
  return startNamespaces(nodes, async ({ namespaces }) => {
    const ip = (node: Node, ...argv: string[]) => mustRun('ip', ['-n', namespaces[node], ...argv])
    for (const [left, right, left4, right4, left6, right6] of links) {
      const [toRight, toLeft] = [`to-${right}`, `to-${left}`]
      await mustRun('ip', [
        ...['link', 'add', toRight, 'netns', namespaces[left], 'type', 'veth'],
        ...['peer', 'name', toLeft, 'netns', namespaces[right]],
      ])
      for (const [node, device, four, six] of [
        [left, toRight, left4, left6],
        [right, toLeft, right4, right6],
      ] as const) {
        await ip(node, 'addr', 'add', four, 'dev', device)
        await ip(node, 'addr', 'add', six, 'dev', device, 'nodad')
        await ip(node, 'link', 'set', device, 'up')
      }
    }
    for (const [node, route] of routes) await ip(node, 'route', 'add', ...route.split(' '))
    for (const node of ['near', 'far', 'target'] as const) {
      const forwarding = node === 'target' ? [] : ['ipv4/ip_forward=1', 'ipv6/conf/all/forwarding=1']
      await setKernel(namespaces[node], ['ipv4/icmp_ratemask=0', 'ipv6/icmp/ratemask=0', ...forwarding])
      await loadNft(namespaces[node], firewall)
    }
    await mustRun('ip', ['netns', 'exec', namespaces.client, process.execPath, '-e', awaitRefusals])
    return { nft: (node: Node, script: string) => loadNft(namespaces[node], script) }
  })
}

/** Ends when the target refuses a connection over each family: all links are up then, and have resolved their addresses. */
const awaitRefusals = `
  const attempt = (host) => require('node:net').connect(9, host).on('error', ({ code }) => code === 'ECONNREFUSED' || attempt(host))
  for (const host of ['${addresses.IPv4.target}', '${addresses.IPv6.target}']) attempt(host)`

const firewall = `table inet peer {
  chain input { type filter hook input priority 0; }
  chain forward { type filter hook forward priority 0; }
}
`

/** Writes settings such as `ipv4/ip_forward=1` below /proc/sys/net of a namespace. */
export async function setKernel(namespace: string, settings: readonly string[]): Promise<void> {
  const writes = settings.map((setting) => setting.replace(/^(.*)=(.*)$/, 'echo $2 > /proc/sys/net/$1'))
  await mustRun('ip', ['netns', 'exec', namespace, 'sh', '-c', writes.join(' && ')])
}

/** Starts a program of Node at the target that prints a line when it is ready. */
export async function startProgram(network: RoutedNetwork, program: string): Promise<void> {
  const server = network.spawn('target', [process.execPath, '-e', program])
  await once(server.stdout ?? server, 'data')
}

/** Listens at the target on all addresses; connections may end in any way. */
export const listenAt = (network: RoutedNetwork, port: number): Promise<void> =>
  startProgram(
    network,
    `require('node:net').createServer((socket) => socket.on('error', () => {})).listen(${port}, '::', () => console.log('up'))`,
  )
