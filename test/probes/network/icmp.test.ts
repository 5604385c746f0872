import { describe, expect, test } from 'vitest'
import type { IcmpMessage } from '../../../src/probes/network/connector/connector.ts'
import { explainIcmp } from '../../../src/probes/network/icmp.ts'

const target = '192.0.2.10'
const router = '198.51.100.1'
const target6 = '2001:db8::10'
const router6 = '2001:db8:f::1'

const icmp = (type: number, code: number, sender: string): IcmpMessage => ({ origin: 'icmp', type, code, sender })
const icmp6 = (type: number, code: number, sender: string): IcmpMessage => ({ origin: 'icmp6', type, code, sender })

const port = ['closed', 'icmp-port-unreachable'] as const
const prohibited = ['filtered', 'icmp-prohibited'] as const
const host = ['unreachable', 'host-unreachable'] as const
const network = ['unreachable', 'network-unreachable'] as const
const notForwarded = ['unreachable', 'icmp-not-forwarded'] as const

/** Type, code, meaning if a router sent it, meaning if the target sent it. */
const table = [
  [3, 0, 'net unreachable', network, prohibited],
  [3, 1, 'host unreachable', host, prohibited],
  [3, 2, 'protocol unreachable', prohibited, prohibited],
  [3, 3, 'port unreachable', port, port],
  [3, 4, 'fragmentation needed', notForwarded, notForwarded],
  [3, 5, 'source route failed', notForwarded, notForwarded],
  [3, 6, 'destination network unknown', network, prohibited],
  [3, 7, 'destination host unknown', host, prohibited],
  [3, 8, 'source host isolated', network, prohibited],
  [3, 9, 'network administratively prohibited', prohibited, prohibited],
  [3, 10, 'host administratively prohibited', prohibited, prohibited],
  [3, 11, 'network unreachable for the type of service', network, prohibited],
  [3, 12, 'host unreachable for the type of service', host, prohibited],
  [3, 13, 'communication administratively prohibited', prohibited, prohibited],
  [3, 14, 'host precedence violation', prohibited, prohibited],
  [3, 15, 'precedence cutoff', prohibited, prohibited],
  [3, 16, 'an unassigned code', notForwarded, notForwarded],
  [4, 0, 'source quench', notForwarded, notForwarded],
  [11, 0, 'time to live exceeded', notForwarded, notForwarded],
  [11, 1, 'reassembly time exceeded', notForwarded, notForwarded],
  [12, 0, 'parameter problem', notForwarded, notForwarded],
  [1, 3, 'an ICMPv6 type in ICMPv4', notForwarded, notForwarded],
] as const

const table6 = [
  [1, 0, 'no route to destination', network, prohibited],
  [1, 1, 'administratively prohibited', prohibited, prohibited],
  [1, 2, 'beyond the scope of the source address', network, prohibited],
  [1, 3, 'address unreachable', host, prohibited],
  [1, 4, 'port unreachable', port, port],
  [1, 5, 'source address failed a policy', prohibited, prohibited],
  [1, 6, 'reject route', prohibited, prohibited],
  [1, 7, 'error in the source routing header', notForwarded, notForwarded],
  [1, 8, 'headers too long', notForwarded, notForwarded],
  [1, 9, 'an unassigned code', notForwarded, notForwarded],
  [2, 0, 'packet too big', notForwarded, notForwarded],
  [3, 0, 'hop limit exceeded', notForwarded, notForwarded],
  [4, 0, 'parameter problem', notForwarded, notForwarded],
  [3, 3, 'an ICMPv4 type in ICMPv6', notForwarded, notForwarded],
] as const

describe('the outcome of an ICMP message', () => {
  test.each(table)('type %i code %i, %s', (type, code, _, [state, reason], [ownState, ownReason]) => {
    expect(explainIcmp(icmp(type, code, router), target)).toEqual({ state, reason, rejectedBy: router })
    expect(explainIcmp(icmp(type, code, target), target)).toEqual({
      ...{ state: ownState, reason: ownReason },
      rejectedBy: target,
    })
  })

  test.each(table6)('ICMPv6 type %i code %i, %s', (type, code, _, [state, reason], [ownState, ownReason]) => {
    expect(explainIcmp(icmp6(type, code, router6), target6)).toEqual({ state, reason, rejectedBy: router6 })
    expect(explainIcmp(icmp6(type, code, target6), target6)).toEqual({
      ...{ state: ownState, reason: ownReason },
      rejectedBy: target6,
    })
  })

  test('the target is recognised in any spelling', () => {
    expect(explainIcmp(icmp6(1, 3, '2001:db8:0:0::10'), target6).state).toBe('filtered')
    expect(explainIcmp(icmp(3, 1, target), '::ffff:192.0.2.10').state).toBe('filtered')
  })

  test('no code that an absent host can cause proves a port closed or filtered', () => {
    for (const [type, code] of [
      [3, 0],
      [3, 1],
      [3, 6],
      [3, 7],
      [3, 8],
      [3, 11],
      [3, 12],
      [11, 0],
    ] as const)
      expect(explainIcmp(icmp(type, code, router), target).state).toBe('unreachable')
    for (const [type, code] of [
      [1, 0],
      [1, 2],
      [1, 3],
      [3, 0],
    ] as const)
      expect(explainIcmp(icmp6(type, code, router6), target6).state).toBe('unreachable')
  })

  test('an unknown sender is taken for a router', () => {
    expect(explainIcmp({ origin: 'icmp', type: 3, code: 1 }, target)).toEqual({
      ...{ state: 'unreachable', reason: 'host-unreachable' },
    })
  })
})
