import { networkInterfaces } from 'node:os'
import ipaddr from 'ipaddr.js'
import { canonicalCidr, type Network, parseNetwork } from './cidr.ts'
import { type Address, parseLiteral } from './ip-literal.ts'

type PortRange = readonly [from: number, to: number]

/** A network and its permitted ports; without `ports`, every port. */
export interface AllowEntry {
  cidr: string
  ports?: readonly PortRange[]
}

interface EgressRules {
  allow: readonly AllowEntry[]
  deny?: readonly AllowEntry[]
  /** The service's own endpoints; the unspecified address means every local address. */
  never?: readonly OwnEndpoint[]
}

export interface OwnEndpoint {
  address: string
  port: number
}

export interface EgressPolicy {
  /** Whether this literal address and port may be dialled; false for a name. */
  permits(address: string, port: number): boolean
}

/**
 * Metadata services outside link-local networks, each with the document of its vendor. They hand out credentials to everything
 * on the machine, and most of them are inside networks that operators allow (RFC 1918, RFC 4193, RFC 6598).
 */
export const metadataNetworks = [
  '100.100.100.200/32', // Alibaba: alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata
  'fd00:100::100:200/128', // Alibaba, IPv6: the same page
  'fd00:ec2::/32', // AWS, with DNS, NTP, EKS: docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
  '168.63.129.16/32', // Azure: learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
  'fd20:ce::254/128', // Google: cloud.google.com/compute/docs/metadata/querying-metadata
  'fd00:a9fe:a9fe::1/128', // Akamai (Linode): techdocs.akamai.com/cloud-computing/docs/metadata-service-api
  '192.0.0.192/32', // Oracle Classic: docs.oracle.com/en/cloud/iaas/compute-iaas-cloud/stcsg/retrieving-instance-metadata.html
  'fd00:c1::a9fe:a9fe/128', // Oracle: docs.oracle.com/iaas/Content/Compute/Tasks/gettingmetadata.htm
  'fd00:42::42/128', // Scaleway: scaleway.com/en/docs/instances/how-to/use-cloud-init
  '100.80.80.80/32', // UCloud: docs.ucloud.cn/uhost/guide/metadata/metadata-server
  '100.96.0.96/32', // Volcengine: volcengine.com/docs/6396/107889
]

/**
 * Never dialled, even if allowed. An IPv6 address that embeds an IPv4 address would pass by its outer form and reach the
 * inner one; IPv4-mapped addresses are judged as IPv4.
 */
const neverDialled = [
  '0.0.0.0/8', // this host, RFC 791
  '169.254.0.0/16', // link-local, and the metadata service of most clouds
  '224.0.0.0/4', // multicast
  '255.255.255.255/32', // broadcast
  ...metadataNetworks,
  '::/96', // unspecified and IPv4-compatible; ::1 is exempt
  'fe80::/10', // link-local
  'ff00::/8', // multicast
  '::ffff:0:0:0/96', // IPv4-translated, RFC 2765
  '64:ff9b::/96', // NAT64, RFC 6052
  '64:ff9b:1::/48', // NAT64, RFC 8215
  '2002::/16', // 6to4, RFC 3056
  '2001::/32', // Teredo, RFC 4380
].map((cidr) => compile({ cidr }))

/** Permits endpoints inside `allow` and outside `deny`, `never` and the networks above. */
export function createEgressPolicy({ allow, deny = [], never = [] }: EgressRules): EgressPolicy {
  const allowed = allow.map(compile)
  const denied = [...neverDialled, ...deny.map(compile)]
  const find = (address: string): Covering | undefined => {
    const ip = parseLiteral(address)
    if (!ip || isIsatap(ip)) return undefined
    const covers = ({ network }: Compiled) => network.covers(ip)
    return { ip, allowed: allowed.filter(covers), denied: isIPv6Loopback(ip) ? [] : denied.filter(covers) }
  }
  const found = new Map<string, Covering | undefined>()
  const covering = (address: string) => {
    if (found.has(address)) return found.get(address)
    if (found.size === maxFound) found.clear()
    const entries = find(address)
    found.set(address, entries)
    return entries
  }
  return {
    permits(address, port) {
      const entries = covering(address)
      if (!entries || !havePort(entries.allowed, port) || havePort(entries.denied, port)) return false
      return !never.some((own) => own.port === port && isOwn(own.address, entries.ip))
    },
  }
}

/** The entries whose networks cover an address. */
interface Covering {
  ip: Address
  allowed: readonly Compiled[]
  denied: readonly Compiled[]
}

/** Addresses in memory: every one is checked several times. */
const maxFound = 10_000

interface Compiled {
  network: Network
  hasPort(port: number): boolean
}

/** A loop, because every check asks, and closures cost memory. */
function havePort(entries: readonly Compiled[], port: number): boolean {
  for (const entry of entries) if (entry.hasPort(port)) return true
  return false
}

function compile({ cidr, ports }: AllowEntry): Compiled {
  const network = parseNetwork(cidr)
  return { network, hasPort: (port) => !ports || ports.some(([from, to]) => from <= port && port <= to) }
}

const isIPv6Loopback = (ip: Address): boolean => ip.kind() === 'ipv6' && ip.range() === 'loopback'

/** RFC 5214 section 6.1: any prefix, then an interface identifier that ends in an IPv4 address. */
function isIsatap(ip: Address): boolean {
  if (!(ip instanceof ipaddr.IPv6)) return false
  const [upper = 0, lower = 0] = ip.parts.slice(4)
  return (upper & ~0x0200) === 0 && lower === 0x5efe
}

function isOwn(own: string, ip: Address): boolean {
  const owned = parseLiteral(own)
  return owned?.range() === 'unspecified' ? isLocal(ip) : owned?.toString() === ip.toString()
}

/** Whether this machine has the address. */
export function isLocal(ip: Address): boolean {
  const local = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  return ip.range() === 'loopback' || local.some(({ address }) => parseLiteral(address)?.toString() === ip.toString())
}

const example = '10.0.0.0/8, 192.0.2.0/24:443+22-25 or [fd00::/8]:443'

/**
 * Parses comma-separated networks with optional ports, in the form of `example`.
 * Throws an Error that quotes the first invalid entry and shows valid ones.
 */
export function parseAllow(text: string): AllowEntry[] {
  if (text.trim() === '') return []
  return text.split(',').map((entry) => parseEntry(entry.trim()))
}

const bracketed = /^\[(?<cidr>[^\]]*)\](?::(?<ports>.*))?$/
const plain = /^(?<cidr>[^:]*)(?::(?<ports>[^:]*))?$/

function parseEntry(entry: string): AllowEntry {
  // Without brackets, two colons mean an IPv6 network without ports.
  const { cidr = entry, ports } = (bracketed.exec(entry) ?? plain.exec(entry))?.groups ?? {}
  const network = canonicalCidr(cidr)
  if (!network) throw refusal(entry, 'is not a network')
  if (network !== cidr && cidr.includes('/')) throw refusal(entry, `has host bits set, the network is ${network}`)
  const { address, bits } = parseNetwork(network)
  if (
    neverDialled.some((never) => never.network.bits <= bits && never.network.covers(address)) &&
    !isIPv6Loopback(address)
  ) {
    throw refusal(entry, 'is never dialled (link-local, cloud metadata, multicast or similar)')
  }
  return ports === undefined ? { cidr: network } : { cidr: network, ports: parsePorts(ports, entry) }
}

const refusal = (entry: string, problem: string) =>
  new Error(`${JSON.stringify(entry)} ${problem}. Write for example ${example}`)

function parsePorts(ports: string, entry: string): PortRange[] {
  return ports.split('+').map((range) => {
    const [from = 0, to = from] = /^\d{1,5}(-\d{1,5})?$/.test(range) ? range.split('-').map(Number) : []
    if (from < 1 || to < from || to > 65535) throw refusal(entry, `has an invalid port range, ${JSON.stringify(range)}`)
    return [from, to]
  })
}
