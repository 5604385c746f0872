import type { Outcome } from '../../src/probes/engine/probe.ts'
import { families, type RoutedNetwork } from './peers/routed-netns.ts'

export const open = { state: 'open', reason: 'tcp-connected' } as const
export const refused = { state: 'closed', reason: 'connection-refused' } as const
const portUnreachable = { state: 'closed', reason: 'icmp-port-unreachable' } as const
export const silent = { state: 'filtered', reason: 'no-response' } as const
const prohibited = { state: 'filtered', reason: 'icmp-prohibited' } as const
export const noHost = { state: 'unreachable', reason: 'host-unreachable' } as const
export const noNetwork = { state: 'unreachable', reason: 'network-unreachable' } as const
export const notForwarded = { state: 'unreachable', reason: 'icmp-not-forwarded' } as const
/** What the sockets of Node show of an ICMP error: never that a port is closed or filtered. */
export const ambiguous = { state: 'unreachable', reason: 'icmp-unreachable' } as const

export interface Treatment {
  /** In the words of nft. */
  verdict: string
  atRouter: Outcome
  atTarget: Outcome
  /** With the sockets of Node, at a router and at the target. */
  node: Outcome
  /** States of `nmap -sT`. */
  nmap: 'closed' | 'filtered'
  /** Reason of `nmap -sS --reason`. */
  nmapReason: string
}

const icmp = (type: string, outcomes: Omit<Treatment, 'verdict'>): Treatment => ({
  verdict: `reject with icmp type ${type}`,
  ...outcomes,
})
const icmp6 = (type: string, outcomes: Omit<Treatment, 'verdict'>): Treatment => ({
  verdict: `reject with icmpv6 type ${type}`,
  ...outcomes,
})
const everywhere = (outcome: Outcome) => ({ atRouter: outcome, atTarget: outcome, node: outcome })

const common: readonly Treatment[] = [
  { verdict: 'drop', ...everywhere(silent), nmap: 'filtered', nmapReason: 'no-response' },
  { verdict: 'reject with tcp reset', ...everywhere(refused), nmap: 'closed', nmapReason: 'reset' },
]
const byAdministrator = { atRouter: prohibited, atTarget: prohibited, node: ambiguous, nmap: 'filtered' } as const
const ofPort = { atRouter: portUnreachable, atTarget: portUnreachable, node: refused } as const

const treatments: Readonly<Record<(typeof families)[number], readonly Treatment[]>> = {
  IPv4: [
    ...common,
    icmp('net-unreachable', {
      atRouter: noNetwork,
      atTarget: prohibited,
      node: ambiguous,
      nmap: 'filtered',
      nmapReason: 'net-unreach',
    }),
    icmp('host-unreachable', {
      atRouter: noHost,
      atTarget: prohibited,
      node: ambiguous,
      nmap: 'filtered',
      nmapReason: 'host-unreach',
    }),
    icmp('prot-unreachable', { ...everywhere(prohibited), nmap: 'filtered', nmapReason: 'proto-unreach' }),
    icmp('port-unreachable', { ...ofPort, nmap: 'closed', nmapReason: 'port-unreach' }),
    icmp('net-prohibited', { ...byAdministrator, nmapReason: 'net-prohibited' }),
    icmp('host-prohibited', { ...byAdministrator, nmapReason: 'host-prohibited' }),
    icmp('admin-prohibited', { ...byAdministrator, nmapReason: 'admin-prohibited' }),
  ],
  IPv6: [
    ...common,
    icmp6('no-route', {
      atRouter: noNetwork,
      atTarget: prohibited,
      node: ambiguous,
      nmap: 'filtered',
      nmapReason: 'no-route',
    }),
    icmp6('admin-prohibited', { ...everywhere(prohibited), nmap: 'filtered', nmapReason: 'admin-prohibited' }),
    icmp6('addr-unreachable', {
      atRouter: noHost,
      atTarget: prohibited,
      node: ambiguous,
      nmap: 'filtered',
      nmapReason: 'host-unreach',
    }),
    icmp6('port-unreachable', { ...ofPort, nmap: 'closed', nmapReason: 'port-unreach' }),
    icmp6('policy-fail', { ...everywhere(prohibited), nmap: 'filtered', nmapReason: 'admin-prohibited' }),
    icmp6('reject-route', { ...everywhere(prohibited), nmap: 'filtered', nmapReason: 'reject-route' }),
  ],
}

const points = ['target', 'far', 'near'] as const
export const isIcmp = ({ verdict }: Treatment) => verdict.includes('icmp')

/** One port for each treatment at each point. */
export const firewalled = families.flatMap((family) =>
  points.flatMap((point, at) =>
    treatments[family].map((treatment, i) => ({ family, point, treatment, port: 1_000 * (at + 1) + i })),
  ),
)
/** Loads the rules into the firewalls. */
export async function installTreatments(network: RoutedNetwork): Promise<void> {
  for (const point of points) {
    const chain = point === 'target' ? 'input' : 'forward'
    const rules = firewalled
      .filter((one) => one.point === point)
      .map(({ family, port, treatment: { verdict } }) => {
        const match = `meta nfproto ${family.toLowerCase()} tcp dport ${port}`
        return `add rule inet peer ${chain} ${match} ${verdict}`
      })
    await network.nft(point, rules.join('\n'))
  }
}
