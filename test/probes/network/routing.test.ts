import { networkInterfaces } from 'node:os'
import ipaddr from 'ipaddr.js'
import { describe, expect, test } from 'vitest'
import {
  findGateway,
  findGateway6,
  findRouteError,
  isOnLink,
  isOwnAddress,
  parseLostNeighbour,
  parseSilentNeighbours,
} from '../../../src/probes/network/routing.ts'

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

const row6 = (destination: string, length: number, gateway: string, metric: number, flags = '00000003') =>
  `${expand(destination)} ${length.toString(16).padStart(2, '0')} ${expand('::')} 00 ${expand(gateway)} ${metric.toString(16).padStart(8, '0')} 00000001 00000000 ${flags}     eth0\n`
const expand = (address: string) => Buffer.from(ipaddr.IPv6.parse(address).toByteArray()).toString('hex')

const routes6 = [
  row6('2001:db8::', 32, '::', 256, '00000001'),
  row6('2001:db8:1::', 48, '2001:db8::1', 1024),
  row6('2001:db8:1:2::', 63, '2001:db8::2', 1024),
  row6('2001:db8:1:2::', 64, '2001:db8::9', 10, '00000200'),
  row6('::', 0, 'fe80::2', 2048),
  row6('::', 0, 'fe80::1', 1024),
  row6('::', 0, '::', 0xffffffff, '00200200'),
].join('')

test.for([
  ['2001:db8::77', null, 'on the link'],
  ['2001:db8:1::1', '2001:db8::1', 'by its network'],
  ['2001:db8:1:3::1', '2001:db8::2', 'by the longest prefix'],
  ['2001:db8:1:2::1', '2001:db8::2', 'not by a reject route'],
  ['2001:db9::1', 'fe80::1', 'by the default route with the lowest metric'],
] as const)('the gateway to %s is %s, %s', ([address, gateway]) => {
  expect(findGateway6(routes6, address)).toBe(gateway)
})

test('a neighbour with an incomplete ARP entry is silent', () => {
  expect(parseSilentNeighbours(arp)).toEqual(new Set(['192.0.2.99']))
  expect(parseSilentNeighbours('')).toEqual(new Set())
})

test.for([
  ['fd00::1 dev eth0  FAILED\n', true, 'was requested and not found'],
  ['fd00::1 dev eth0  INCOMPLETE', true, 'is being requested'],
  ['fd00::1 dev eth0 lladdr 96:c9:af:03:0f:02 router REACHABLE\n', false, 'responds'],
  ['fe80::1 dev eth0  FAILED\nfe80::1 dev eth1 lladdr 96:c9:af:03:0f:02 STALE\n', false, 'responds on one interface'],
  ['', false, 'is not known'],
] as const)('of %j, a neighbour is lost: %s, because it %s', ([table, lost]) => {
  expect(parseLostNeighbour(table)).toBe(lost)
})

test.for([
  ['192.0.2.77', null, 'on the link'],
  ['198.51.100.1', '192.0.2.3', 'by its network'],
  ['198.51.100.10', '192.0.2.4', 'by the longest prefix'],
  ['203.0.113.1', '192.0.2.1', 'by the default route with the lowest metric'],
] as const)('the gateway to %s is %s, %s', ([address, gateway]) => {
  expect(findGateway(routes, address)).toBe(gateway)
})

test('without a table there is no gateway', () => {
  expect(findGateway('', '192.0.2.1')).toBeUndefined()
  expect(findGateway6('', '2001:db8::1')).toBeUndefined()
})

describe('this machine', () => {
  test('has a route to itself', async () => {
    expect(await findRouteError('127.0.0.1', 80)).toBeUndefined()
  })

  test('has its own addresses on the link, and no documentation network', () => {
    expect(['127.0.0.1', '127.9.9.9', '::ffff:127.0.0.1'].filter(isOnLink)).toHaveLength(3)
    expect(['203.0.113.1', '2001:db8::1'].filter(isOnLink)).toEqual([])
  })

  test('knows its own addresses', () => {
    const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
    expect(own.map(({ address }) => address).filter((address) => !isOwnAddress(address))).toEqual([])
    expect(['127.9.9.9', '::1', '::ffff:127.0.0.1'].filter(isOwnAddress)).toHaveLength(3)
    expect(['203.0.113.1', '2001:db8::1'].filter(isOwnAddress)).toEqual([])
  })
})
