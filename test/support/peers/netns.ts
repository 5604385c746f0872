import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { findCommand, mustRun, type Output, type RunOptions, run } from '../processes.ts'
import { afterDeath } from '../reaper.ts'
import { asPeer, type Peer } from './peer.ts'

/** `client` probes, `target` is probed; nothing but these two is on their network. */
export type Side = 'client' | 'target'

/** How the target's firewall treats TCP to these ports, in nft's words; every other port is as its listeners make it. */
export const firewalledPorts = {
  1001: 'drop',
  1002: 'reject with tcp reset',
  1003: 'reject with icmp type port-unreachable',
  1004: 'reject with icmp type admin-prohibited',
  1005: 'reject with icmp type host-prohibited',
  1006: 'reject with icmp type net-unreachable',
  1007: 'reject with icmp type host-unreachable',
  1008: 'reject with icmp type prot-unreachable',
  1009: 'reject with icmp type net-prohibited',
} as const

/**
 * Addresses behind the target, which routes: what it does with packets to them. The kernel responds to a burst of five and
 * then one a second, regardless of the namespace; for more, add a rule to the firewall's `forward` chain.
 */
export const routedAddresses = {
  prohibit: '198.51.100.10',
  unreachable: '198.51.100.11',
  blackhole: '198.51.100.12',
} as const

/** Private network namespaces by the names of their nodes. */
export interface Namespaces<Node extends string> {
  /** Their names, for commands that want them. */
  namespaces: Record<Node, string>
  /** Runs a command in one of them to its end. */
  exec: (node: Node, argv: readonly string[], options?: RunOptions) => Promise<Output>
  /** Starts a command in one of them and leaves it running; stop() ends it. */
  spawn: (node: Node, argv: readonly string[]) => ChildProcess
}

export interface Network extends Peer, Namespaces<Side> {
  clientAddress: string
  targetAddress: string
  /** On the same link, but unassigned: ARP fails. */
  absentAddress: string
  /** Changes the target's firewall: an nft script; its table is `inet peer`, its chains `input` and `forward`. */
  nft: (script: string) => Promise<void>
}

/** Makes namespaces with a loopback interface each; `build` connects them. The machine's own network is untouched. */
export async function startNamespaces<Node extends string, Facts extends object>(
  nodes: readonly Node[],
  build: (made: Namespaces<Node>) => Promise<Facts>,
): Promise<Facts & Namespaces<Node> & Peer> {
  const id = randomBytes(4).toString('hex')
  const namespaces = Object.fromEntries(nodes.map((node) => [node, `pw-${id}-${node}`])) as Record<Node, string>
  const names: string[] = Object.values(namespaces)
  const inside = (node: Node, argv: readonly string[]) => ['netns', 'exec', namespaces[node], ...argv]
  const made: Namespaces<Node> = {
    namespaces,
    exec: (node, argv, options) => run('ip', inside(node, argv), options),
    spawn: (node, argv) => spawn(findCommand('ip') ?? 'ip', inside(node, argv)),
  }
  const forgets = names.map((name) => afterDeath(['sh', '-c', removal(name)]))
  const remove = async () => {
    for (const name of names) await run('sh', ['-c', removal(name)])
    for (const forget of forgets) forget()
  }
  try {
    for (const name of names) {
      await mustRun('ip', ['netns', 'add', name])
      await mustRun('ip', ['-n', name, 'link', 'set', 'lo', 'up'])
    }
    return asPeer({ ...(await build(made)), ...made }, remove)
  } catch (error) {
    await remove()
    throw error
  }
}

/** Loads an nft script in a namespace. */
export async function loadNft(namespace: string, script: string): Promise<void> {
  const argv = ['netns', 'exec', namespace, findCommand('nft') ?? 'nft', '-f', '-']
  await mustRun('ip', argv, { input: script })
}

/** Two private network namespaces, joined by one link, the target with a firewall. */
export function startNetwork(): Promise<Network> {
  const clientAddress = '192.0.2.1'
  const targetAddress = '192.0.2.2'
  return startNamespaces(['client', 'target'], async ({ namespaces }) => {
    const nft = (script: string) => loadNft(namespaces.target, script)
    await build(namespaces, { clientAddress, targetAddress })
    await nft(firewall())
    return { clientAddress, targetAddress, absentAddress: '192.0.2.99', nft }
  })
}

async function build(
  { client, target }: Record<Side, string>,
  { clientAddress, targetAddress }: { clientAddress: string; targetAddress: string },
): Promise<void> {
  const steps = [
    `link add peer0 netns ${client} type veth peer name peer0 netns ${target}`,
    `-n ${client} addr add ${clientAddress}/24 dev peer0`,
    `-n ${target} addr add ${targetAddress}/24 dev peer0`,
    ...[client, target].map((name) => `-n ${name} link set peer0 up`),
    // Routed through the target, so that it can send ICMP errors of a router for these addresses.
    `-n ${client} route add 198.51.100.0/24 via ${targetAddress}`,
    ...Object.entries(routedAddresses).map(([kind, address]) => `-n ${target} route add ${kind} ${address}`),
  ]
  for (const step of steps) await mustRun('ip', step.split(' '))
  // The mask and not icmp_ratelimit=0: that would also use up the allowance of the routes' ICMP errors (Linux 6.18).
  const settings = 'echo 1 > /proc/sys/net/ipv4/ip_forward && echo 0 > /proc/sys/net/ipv4/icmp_ratemask'
  await mustRun('ip', ['netns', 'exec', target, 'sh', '-c', settings])
}

function firewall(): string {
  const rules = Object.entries(firewalledPorts).map(([port, verdict]) => `tcp dport ${port} ${verdict}`)
  return `table inet peer {
  chain input {
    type filter hook input priority 0; policy accept;
    ${rules.join('\n    ')}
  }
  chain forward {
    type filter hook forward priority 0; policy accept;
  }
}
`
}

/** Processes that still run inside were started by the test, and would keep the namespace alive without a name. */
function removal(name: string): string {
  return `ip netns pids ${name} | xargs -r kill -s KILL; ip netns del ${name}`
}
