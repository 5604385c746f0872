import { networkInterfaces } from 'node:os'
import { describe, expect, test } from 'vitest'
import { createEgressPolicy, parseAllow } from '../../../src/probes/network/egress-policy.ts'

const everything = parseAllow('0.0.0.0/0, ::/0')
const everywhere = createEgressPolicy({ allow: everything })

test('only allowed networks may be dialled', () => {
  const { permits } = createEgressPolicy({ allow: parseAllow('127.0.0.0/8, 10.0.0.0/8, fd00::/8, ::1') })
  for (const address of ['127.0.0.1', '127.255.0.1', '10.0.0.0', '10.255.255.255', 'fd00::1', '::1']) {
    expect(permits(address, 443), address).toBe(true)
  }
  for (const address of ['9.255.255.255', '11.0.0.0', '192.0.2.1', 'fe00::1', '2001:db8::1', '::2']) {
    expect(permits(address, 443), address).toBe(false)
  }
})

test('an entry with ports allows only these', () => {
  const { permits } = createEgressPolicy({ allow: parseAllow('192.0.2.0/24:443+22-25, [fd00::/8]:636') })
  const ports = [21, 22, 25, 26, 443, 636]
  expect(ports.filter((port) => permits('192.0.2.9', port))).toEqual([22, 25, 443])
  expect(ports.filter((port) => permits('fd00::9', port))).toEqual([636])
})

test('a denied network inside an allowed one stays denied', () => {
  const { permits } = createEgressPolicy({
    allow: parseAllow('10.0.0.0/8'),
    deny: parseAllow('10.1.0.0/16, 10.2.0.0/16:22'),
  })
  expect(permits('10.0.0.1', 22)).toBe(true)
  expect(permits('10.1.0.1', 22)).toBe(false)
  expect(permits('10.2.0.1', 22)).toBe(false)
  expect(permits('10.2.0.1', 23)).toBe(true)
})

describe('even if allowed, these are never dialled:', () => {
  test.for([
    ['the unspecified address', ['0.0.0.0', '0.1.2.3', '::', '0:0:0:0:0:0:0:0']],
    ['link-local', ['169.254.0.1', '169.254.255.255', 'fe80::1', 'febf::1']],
    ['multicast', ['224.0.0.1', '239.255.255.255', 'ff02::1']],
    ['broadcast', ['255.255.255.255']],
    [
      'a metadata service',
      [
        ...['169.254.169.254', '169.254.170.2', '169.254.42.42', '169.254.0.23', 'fe80::a9fe:a9fe'],
        ...['100.100.100.200', '100.80.80.80', '100.96.0.96', '168.63.129.16', '192.0.0.192'],
        ...['fd00:ec2::254', 'fd00:ec2::23', 'fd00:0ec2:0:0::254', 'fd20:ce::254', 'fd00:42::42', 'fd00:100::100:200'],
        ...['fd00:c1::a9fe:a9fe', 'fd00:c1::169.254.169.254', 'fd00:a9fe:a9fe::1', 'FD00:A9FE:A9FE:0:0:0:0:1'],
      ],
    ],
    [
      'an IPv4-mapped address of these',
      ['::ffff:169.254.169.254', '::ffff:a9fe:a9fe', '0:0:0:0:0:ffff:0.0.0.0', '::FFFF:224.0.0.1'],
    ],
    ['an IPv4-compatible address', ['::10.0.0.1', '::a00:1', '::127.0.0.1', '::2']],
    ['an IPv4-translated address', ['::ffff:0:10.0.0.1', '::ffff:0:a9fe:a9fe']],
    ['NAT64', ['64:ff9b::10.0.0.1', '64:ff9b::a9fe:a9fe', '64:ff9b:1::a00:1', '64:ff9b:1:ffff:ffff:ffff:a9fe:a9fe']],
    ['6to4', ['2002:a9fe:a9fe::1', '2002:a00:1::', '2002:7f00:1::1']],
    ['Teredo', ['2001:0:a9fe:a9fe::1', '2001::1']],
    ['ISATAP', ['fd00::5efe:10.0.0.1', 'fd00:1:2:3:0200:5efe:a9fe:a9fe', '2001:db8::5efe:7f00:1']],
    ['an address with a zone', ['fe80::1%lo', '::1%lo', 'fd00::1%0']],
    [
      'an alternative spelling, and a name',
      [
        '127.1',
        '0x7f.0.0.1',
        '0177.0.0.1',
        '2130706433',
        '127.0.0.1.',
        '127.0.0.01',
        ' 127.0.0.1',
        '[::1]',
        'localhost',
        '',
      ],
    ],
  ] as const)('%s', ([, addresses]) => {
    for (const address of addresses) expect(everywhere.permits(address, 80), address).toBe(false)
  })

  test('but their adjacent addresses are', () => {
    const neighbours = [
      '1.0.0.0',
      '169.253.255.255',
      '169.255.0.0',
      '223.255.255.255',
      '255.255.255.254',
      '::1',
      '2001:1::1',
    ]
    const neighbours6 = [
      'fe7f::1',
      'fec0::1',
      'feff::1',
      '64:ff9a::1',
      '64:ff9b:2::1',
      '2003::1',
      'fd00::5eff:10.0.0.1',
    ]
    for (const address of [...neighbours, ...neighbours6]) expect(everywhere.permits(address, 80), address).toBe(true)
  })
})

test('an IPv4-mapped address is judged as its IPv4 address', () => {
  const { permits } = createEgressPolicy({ allow: parseAllow('10.0.0.0/8') })
  expect(permits('::ffff:10.0.0.1', 80)).toBe(true)
  expect(permits('::ffff:0a00:0001', 80)).toBe(true)
  expect(permits('::ffff:11.0.0.1', 80)).toBe(false)
})

test("the service's own endpoints are never dialled, in any spelling", () => {
  const never = [
    { address: '127.0.0.1', port: 5432 },
    { address: '::1', port: 8080 },
  ]
  const { permits } = createEgressPolicy({ allow: everything, never })
  expect(['127.0.0.1', '::ffff:127.0.0.1', '::ffff:7f00:1'].filter((address) => permits(address, 5432))).toEqual([])
  expect(['::1', '0:0:0:0:0:0:0:1'].filter((address) => permits(address, 8080))).toEqual([])
  expect(permits('127.0.0.1', 5433)).toBe(true)
  expect(permits('127.0.0.2', 5432)).toBe(true)
})

test('a listener on every address is refused at every address of this machine', () => {
  const { permits } = createEgressPolicy({ allow: everything, never: [{ address: '0.0.0.0', port: 8080 }] })
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  for (const { address } of own) expect(permits(address, 8080), address).toBe(false)
  expect(permits('127.9.9.9', 8080)).toBe(false)
  expect(permits('127.9.9.9', 8081)).toBe(true)
  expect(permits('203.0.113.1', 8080)).toBe(true)
})

describe('an allow-list', () => {
  test('holds networks and single addresses, with or without ports', () => {
    expect(parseAllow('10.0.0.0/8 ,192.0.2.7, 192.0.2.0/24:443+22-25,fd00::/8, [fd00::/8]:443,[::1],::1')).toEqual([
      { cidr: '10.0.0.0/8' },
      { cidr: '192.0.2.7/32' },
      {
        cidr: '192.0.2.0/24',
        ports: [
          [443, 443],
          [22, 25],
        ],
      },
      { cidr: 'fd00::/8' },
      { cidr: 'fd00::/8', ports: [[443, 443]] },
      { cidr: '::1/128' },
      { cidr: '::1/128' },
    ])
    expect(parseAllow(' ')).toEqual([])
  })

  test.for([
    ['a name', 'lab.test'],
    ['an empty entry', '10.0.0.0/8,,127.0.0.0/8'],
    ['a prefix that is too long', '10.0.0.0/33'],
    ['a prefix that is too long, IPv6', 'fd00::/129'],
    ['no prefix after the slash', '10.0.0.0/'],
    ['two prefixes', '10.0.0.0/8/8'],
    ['an abbreviated address', '10/8'],
    ['an octal address', '010.0.0.0/8'],
    ['a zone', 'fd00::1%eth0/64'],
    ['no port after the colon', '10.0.0.0/8:'],
    ['port 0', '10.0.0.0/8:0'],
    ['a port that is too large', '10.0.0.0/8:65536'],
    ['a range that is upside down', '10.0.0.0/8:25-22'],
    ['a port that is not a number', '10.0.0.0/8:https'],
    ['ports of IPv6 without brackets', 'fd00::/8:443x'],
    ['a bracket that is not closed', '[fd00::/8:443'],
    ['host bits', '10.0.0.1/8'],
    ['metadata', '169.254.169.254'],
    ['an embedding network', '64:ff9b::/96'],
  ] as const)('with %s is refused with the invalid entry and a valid example: %s', ([, text]) => {
    const [wrong = ''] = text.split(',').filter((entry) => entry !== '10.0.0.0/8' && entry !== '127.0.0.0/8')
    expect(() => parseAllow(text)).toThrow(JSON.stringify(wrong))
    expect(() => parseAllow(text)).toThrow(/Write for example 10\.0\.0\.0\/8/)
  })

  test('with host bits is refused, and the error names the network', () => {
    expect(() => parseAllow('10.1.2.3/8')).toThrow('the network is 10.0.0.0/8')
  })
})
