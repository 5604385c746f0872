import { isIPv6 } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AddressResult } from '../../../src/domain/findings/observation.ts'
import { observeIn, patience } from '../../support/observe-in.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import {
  addresses,
  type Family,
  families,
  listenAt,
  type RoutedNetwork,
  startRoutedNetwork,
} from '../../support/peers/routed-netns.ts'
import { firewalled, installTreatments, isIcmp } from '../../support/treatments.ts'

const openPort = 4_000
const closedPort = 4_001

/** The states that `nmap -sT` may have for one of ours. */
const nmapStatesOf = ({ address, state, reason }: AddressResult): string[] => {
  // Nmap has no such state; what a router reports proves nothing about the port.
  if (state === 'unreachable') return ['filtered']
  // Its connect scan notices this message only if it comes within connect(), and waits otherwise.
  return reason === 'icmp-port-unreachable' && isIPv6(address ?? '') ? ['filtered', 'closed'] : [state]
}

interface NmapPort {
  state: string
  reason: string
  /** The sender of an ICMP message, where it is not the target. */
  reasonIp: string | undefined
}

describeWithPeers(['netns', 'nmap'], 'nmap as oracle, behind two routers', () => {
  let network: RoutedNetwork

  beforeAll(async () => {
    network = await startRoutedNetwork()
    await installTreatments(network)
    await listenAt(network, openPort)
  })
  afterAll(() => network.stop())

  async function scan(technique: '-sT' | '-sS', family: Family): Promise<Map<number, NmapPort>> {
    const ports = [...portsOf(family), openPort, closedPort].join()
    const options = ['-Pn', '-n', '-T4', '--max-retries', '2', '--reason', '-oX', '-', '-p', ports]
    const argv = ['nmap', technique, ...(family === 'IPv6' ? ['-6'] : []), ...options, addresses[family].target]
    const { stdout, stderr, code } = await network.exec('client', argv)
    if (code !== 0) throw new Error(`nmap ended with ${code}: ${stderr}`)
    const found = stdout.matchAll(
      /portid="(\d+)"><state state="([^"]+)" reason="([^"]+)" reason_ttl="\d+"(?: reason_ip="([^"]+)")?/g,
    )
    return new Map(
      Array.from(found, ([, port, state = '', reason = '', reasonIp]) => [Number(port), { state, reason, reasonIp }]),
    )
  }
  const portsOf = (family: Family) => firewalled.filter((one) => one.family === family).map(({ port }) => port)

  test.for(families)('-sT has the same states, except the intended differences, %s', async (family) => {
    const ports = [...portsOf(family), openPort, closedPort]
    const checks = ports.map((port) => ({ probe: 'tcp' as const, host: addresses[family].target, port, options: {} }))
    const [observations, nmap] = await Promise.all([
      observeIn(network, { ...patience, tries: 2, checks }),
      scan('-sT', family),
    ])
    const differences = observations.flatMap(({ port, addressResults: [seen] }) =>
      nmapStatesOf(seen).includes(nmap.get(port)?.state ?? '') ? [] : [{ port, seen, nmap: nmap.get(port) }],
    )
    expect(differences).toEqual([])
    expect(nmap.size).toBe(ports.length)
  })

  test.for(families)(
    '-sS has the ICMP messages and senders that the table of treatments expects, %s',
    async (family) => {
      const nmap = await scan('-sS', family)
      const expected = firewalled
        .filter((one) => one.family === family)
        .map(({ port, point, treatment }) => {
          const sender = isIcmp(treatment) && point !== 'target' ? addresses[family][point] : undefined
          // Without a socket nmap calls a port filtered that an ICMP message calls unreachable; -sT and we call it closed.
          const state = isIcmp(treatment) ? 'filtered' : treatment.nmap
          return [port, { state, reason: treatment.nmapReason, reasonIp: sender }]
        })
      const seen = expected.map(([port]) => [port, nmap.get(port as number)])
      expect(seen).toEqual(expected)
    },
  )
})
