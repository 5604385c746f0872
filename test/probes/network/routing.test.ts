import { describe, expect, test } from 'vitest'
import { findGateway, findRouteError, isOnLink, parseSilentNeighbours } from '../../../src/probes/network/routing.ts'

const arp = `IP address       HW type     Flags       HW address            Mask     Device
192.0.2.99       0x1         0x0         00:00:00:00:00:00     *        eth0
192.0.2.2        0x1         0x2         96:c9:af:03:0f:02     *        eth0
192.0.2.3        0x1         0x6         96:c9:af:03:0f:03     *        eth0
`

const routes = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010200C0	0003	0	0	100	00000000	0	0	0
wlan0	00000000	020200C0	0003	0	0	600	00000000	0	0	0
eth0	000200C0	00000000	0001	0	0	100	00FFFFFF	0	0	0
eth0	006433C6	030200C0	0003	0	0	0	00FFFFFF	0	0	0
eth0	0A6433C6	040200C0	0007	0	0	0	FFFFFFFF	0	0	0
eth1	006433C6	090200C0	0002	0	0	0	80FFFFFF	0	0	0
`

test('a neighbour with an incomplete ARP entry is silent', () => {
  expect(parseSilentNeighbours(arp)).toEqual(new Set(['192.0.2.99']))
  expect(parseSilentNeighbours('')).toEqual(new Set())
})

test.for([
  ['192.0.2.77', undefined, 'on the link'],
  ['198.51.100.1', '192.0.2.3', 'by its network'],
  ['198.51.100.10', '192.0.2.4', 'by the longest prefix'],
  ['203.0.113.1', '192.0.2.1', 'by the default route with the lowest metric'],
] as const)('the gateway to %s is %s, %s', ([address, gateway]) => {
  expect(findGateway(routes, address)).toBe(gateway)
})

test('without a table there is no gateway', () => {
  expect(findGateway('', '192.0.2.1')).toBeUndefined()
})

describe('this machine', () => {
  test('has a route to itself', async () => {
    expect(await findRouteError('127.0.0.1', 80)).toBeUndefined()
  })

  test('has its own addresses on the link, and no documentation network', () => {
    expect(['127.0.0.1', '127.9.9.9', '::ffff:127.0.0.1'].filter(isOnLink)).toHaveLength(3)
    expect(['203.0.113.1', '2001:db8::1'].filter(isOnLink)).toEqual([])
  })
})
