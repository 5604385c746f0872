import { execFile } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { readFile } from 'node:fs/promises'
import { isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { promisify } from 'node:util'
import ipaddr from 'ipaddr.js'
import { parseLiteral } from './ip-literal.ts'

/** The kernel's routing error for this address, if any: connecting a UDP socket resolves the route and sends nothing. */
export function findRouteError(address: string, port: number): Promise<string | undefined> {
  return shared(routing, `${address} ${port}`, () => queryRoute(address, port))
}

function queryRoute(address: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
    const settle = (error?: Error & { code?: string }) => {
      socket.removeAllListeners().on('error', () => {})
      socket.close()
      resolve(error && (error.code ?? 'UNKNOWN'))
    }
    socket.once('error', settle)
    socket.once('connect', () => settle())
    socket.connect(port, address)
  })
}

/** Which hop to this address just failed ARP, if any. Linux and IPv4 only, else undefined. */
export async function findSilentHop(address: string): Promise<'host' | 'gateway' | undefined> {
  if (isIPv6(address)) return undefined
  const silent = parseSilentNeighbours(await readTable('/proc/net/arp'))
  if (silent.has(address)) return 'host'
  if (silent.size === 0) return undefined
  const gateway = await findGatewayTo(address)
  return gateway && silent.has(gateway) ? 'gateway' : undefined
}

/** Whether packets to an address leave without a gateway. */
export async function isDirect(address: string): Promise<boolean> {
  const gateway = await findGatewayTo(address)
  return gateway === null || (gateway === undefined && isOnLink(address))
}

/**
 * Whether neighbour discovery of the gateway to an IPv6 address has just failed, by the command `ip` of Linux; false without it.
 * Procfs does not show it.
 */
export async function isGatewayLost(address: string): Promise<boolean> {
  const gateway = isIPv6(address) ? await findGatewayTo(address) : undefined
  if (!gateway) return false
  return parseLostNeighbour(await shared(reading, gateway, () => showNeighbour(gateway)))
}

const showNeighbour = (address: string): Promise<string> =>
  promisify(execFile)('ip', ['-6', 'neigh', 'show', 'to', address], { timeout: 2_000 }).then(
    ({ stdout }) => stdout,
    () => '',
  )

/** Whether all entries of `ip neigh` are requested and not found: a link-local address has one for each interface. */
export function parseLostNeighbour(table: string): boolean {
  const lines = table.split('\n').filter((line) => line.trim() !== '')
  return lines.length > 0 && lines.every((line) => /\s(FAILED|INCOMPLETE)\s*$/.test(line))
}

const routing = new Map<string, Promise<string | undefined>>()
const reading = new Map<string, Promise<string>>()

const readTable = (path: string): Promise<string> =>
  shared(reading, path, () => readFile(path, 'latin1').catch(() => ''))

/** Concurrent failures share one query. */
function shared<T>(running: Map<string, Promise<T>>, key: string, query: () => Promise<T>): Promise<T> {
  const known = running.get(key)
  if (known) return known
  const started = query().finally(() => running.delete(key))
  running.set(key, started)
  return started
}

/** Addresses in /proc/net/arp without the flag ATF_COM: requested, no reply. */
export function parseSilentNeighbours(table: string): Set<string> {
  const rows = table.split('\n').slice(1)
  const incomplete = rows
    .map((row) => row.split(/\s+/))
    .filter(([, , flags]) => flags !== undefined && (Number(flags) & 2) === 0)
  return new Set(incomplete.map(([address = '']) => address))
}

/**
 * The gateway to an address, by /proc/net: null for a host on the link, undefined if no route is shown. For IPv4 it shows the
 * main table alone, so the route may be in another one (ip-rule(8)).
 */
async function findGatewayTo(address: string): Promise<string | null | undefined> {
  return isIPv6(address)
    ? findGateway6(await readTable('/proc/net/ipv6_route'), address)
    : findGateway(await readTable('/proc/net/route'), address)
}

/** The gateway by longest prefix, then lowest metric; null for a host on the link, undefined without a route. */
export function findGateway(table: string, address: string): string | null | undefined {
  const routes = rowsOf(table)
    .slice(1)
    .filter((columns) => columns.length > 7 && (Number.parseInt(columns[3] ?? '', 16) & 1) === 1)
    .map(([, destination = '', gateway = '', , , , metric, mask = '']) => ({
      destination: bytesOf(destination),
      gateway: bytesOf(gateway).join('.'),
      mask: bytesOf(mask),
      metric: Number(metric),
    }))
  const best = bestRoute(routes, ipaddr.IPv4.parse(address).toByteArray())
  return best?.gateway === '0.0.0.0' ? null : best?.gateway
}

const routeUp = 1
const routeRejects = 0x200

/** The same in the form of /proc/net/ipv6_route. */
export function findGateway6(table: string, address: string): string | null | undefined {
  const routes = rowsOf(table)
    .filter((columns) => (Number.parseInt(columns[8] ?? '', 16) & (routeUp | routeRejects)) === routeUp)
    .map(([destination = '', length = '', , , gateway = '', metric = '']) => ({
      destination: Buffer.from(destination, 'hex'),
      gateway: ipaddr.fromByteArray([...Buffer.from(gateway, 'hex')]),
      mask: Buffer.from(ipaddr.IPv6.subnetMaskFromPrefixLength(Number.parseInt(length, 16)).toByteArray()),
      metric: Number.parseInt(metric, 16),
    }))
  const best = bestRoute(routes, ipaddr.IPv6.parse(address).toByteArray())
  return best?.gateway.range() === 'unspecified' ? null : best?.gateway.toString()
}

const rowsOf = (table: string): string[][] => table.split('\n').map((row) => row.trim().split(/\s+/))

interface Route {
  destination: Buffer
  mask: Buffer
  metric: number
}

const bestRoute = <R extends Route>(routes: readonly R[], wanted: readonly number[]): R | undefined =>
  routes
    .filter(({ destination, mask }) => mask.every((bits, at) => ((wanted[at] ?? 0) & bits) === destination[at]))
    .sort((a, b) => Buffer.compare(b.mask, a.mask) || a.metric - b.metric)[0]

/** The kernel prints addresses in host order: little-endian, except on s390x. */
const bytesOf = (hex: string): Buffer => Buffer.from(hex, 'hex').reverse()

const interfacesForMs = 1_000
let own = { addresses: new Set<string>(), families: new Set<string>(), until: 0 }

/** By interfaces that are read once a second at most. */
function ownAddresses() {
  if (performance.now() < own.until) return own
  const interfaces = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  const addresses = interfaces.map((one) => parseLiteral(one.address)).filter((ip) => ip !== undefined)
  const connected = addresses.filter((ip) => !['loopback', 'linkLocal'].includes(ip.range()))
  own = {
    addresses: new Set(addresses.map(String)),
    families: new Set(connected.map((ip) => ip.kind())),
    until: performance.now() + interfacesForMs,
  }
  return own
}

/** Whether this machine has the address. */
export const isOwnAddress = (address: string): boolean =>
  ownAddresses().addresses.has(spelled(address)) || parseLiteral(address)?.range() === 'loopback'

/**
 * Whether this machine takes part in the other IP family only: it has no address of this one besides loopback and link-local
 * ones. False for a machine without any address, which is offline.
 */
export function lacksFamilyOf(address: string): boolean {
  const { families } = ownAddresses()
  return families.size > 0 && !families.has(String(parseLiteral(address)?.kind()))
}

const spelled = (address: string): string => parseLiteral(address)?.toString() ?? address

/** Whether the address is in the network of a local interface. */
export function isOnLink(address: string): boolean {
  const ip = parseLiteral(address)
  const interfaces = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  return interfaces.some(({ cidr }) => {
    if (cidr === null) return false
    const [network, bits] = ipaddr.parseCIDR(cidr)
    return network.kind() === ip?.kind() && ip.match(network, bits)
  })
}
