import { createSocket } from 'node:dgram'
import { readFile } from 'node:fs/promises'
import { isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import ipaddr from 'ipaddr.js'
import { parseLiteral } from './ip-literal.ts'

/** The kernel's routing error for this address, if any: connecting a UDP socket resolves the route and sends nothing. */
export function findRouteError(address: string, port: number): Promise<string | undefined> {
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
  const gateway = findGateway(await readTable('/proc/net/route'), address)
  return gateway !== undefined && silent.has(gateway) ? 'gateway' : undefined
}

const reading = new Map<string, Promise<string>>()

/** Concurrent failures share one read. */
function readTable(path: string): Promise<string> {
  const running = reading.get(path)
  if (running) return running
  const started = readFile(path, 'latin1')
    .catch(() => '')
    .finally(() => reading.delete(path))
  reading.set(path, started)
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

/** The gateway by longest prefix, then lowest metric; undefined for a host on the link. */
export function findGateway(table: string, address: string): string | undefined {
  const wanted = ipaddr.IPv4.parse(address).toByteArray()
  const routes = table
    .split('\n')
    .slice(1)
    .map((row) => row.split(/\s+/))
    .filter((columns) => columns.length > 7 && (Number.parseInt(columns[3] ?? '', 16) & 1) === 1)
    .map(([, destination = '', gateway = '', , , , metric, mask = '']) => ({
      destination: bytesOf(destination),
      gateway: bytesOf(gateway).join('.'),
      mask: bytesOf(mask),
      metric: Number(metric),
    }))
    .filter(({ destination, mask }) => mask.every((bits, at) => ((wanted[at] ?? 0) & bits) === destination[at]))
    .sort((a, b) => Buffer.compare(b.mask, a.mask) || a.metric - b.metric)
  const gateway = routes[0]?.gateway
  return gateway === '0.0.0.0' ? undefined : gateway
}

/** The kernel prints addresses in host order: little-endian, except on s390x. */
const bytesOf = (hex: string): Buffer => Buffer.from(hex, 'hex').reverse()

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
