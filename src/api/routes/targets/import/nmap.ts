import { isIP } from 'node:net'
import { SaxesParser } from 'saxes'
import { truncate } from '../../../../encoding/text.ts'
import { type Note, type Row, UnreadableError } from './body.ts'

/** One host, and what stands between hosts, may take so many characters: scripts can say much. */
const hostLimit = 4 * 2 ** 20
/** Attributes of one element; nmap writes at most 20. */
const maxAttributes = 100

interface Host {
  line: number
  state?: string
  addresses: { type: string; address: string }[]
  names: { type: string; name: string }[]
}

/**
 * Reads the hosts of `nmap -oX` and `masscan -oX` that are not down. Address: the first IPv4 address, else IPv6. Name: as the
 * scan was given it, else of the PTR record, else the address. No entity is resolved.
 */
export async function* readNmap(pieces: AsyncIterable<string>, note: Note): AsyncGenerator<Row> {
  const hosts: Host[] = []
  const parser = createParser(hosts)
  function* rows() {
    for (const host of hosts.splice(0)) {
      const row = readHost(host, note)
      if (row) yield row
    }
  }
  for await (const piece of pieces) {
    try {
      parser.write(piece)
    } finally {
      yield* rows()
    }
  }
  parser.close()
}

/** Feeds the hosts of a document into a list. Throws UnreadableError. */
function createParser(hosts: Host[]) {
  const parser = new SaxesParser({ xmlns: false, position: true })
  const path: string[] = []
  let host: Host | undefined
  let attributes = 0
  let [from, beganAt] = [0, 1]
  let opened = false
  let unresolved = 0
  /** Bounds what has been read since the last host began or ended. */
  const check = (): void => {
    if (parser.position - from > hostLimit)
      throw new UnreadableError(`a host or what is between two has more than ${hostLimit} characters`, beganAt)
  }
  const restart = (): void => {
    from = parser.position
    beganAt = parser.line
  }
  parser.on('error', ({ message }) => {
    // The text keeps what an entity was written as: such a name or address is not usable.
    if (/undefined entity/.test(message) && ++unresolved <= maxUnresolved) return
    if (opened && path.length === 0) throw new UnreadableError(severalScans, parser.line)
    throw new UnreadableError(`is not XML: ${truncate(message.replace(/^\d+:\d+: /, ''), 200)}`, parser.line)
  })
  parser.on('opentagstart', ({ name }) => {
    attributes = 0
    if (path.length === 0 && name === 'host') throw new UnreadableError('a host outside <nmaprun>', parser.line)
    if (path.length === 0 && name !== 'nmaprun') throw new UnreadableError(noScan, parser.line)
    if (path.length === 1) restart()
    opened = true
    path.push(name)
    if (path.length > maxDepth) throw new UnreadableError(`elements are nested more than ${maxDepth} deep`, parser.line)
    if (path.length === 2 && name === 'host') host = { line: parser.line, addresses: [], names: [] }
  })
  parser.on('attribute', () => {
    attributes += 1
    if (attributes > maxAttributes)
      throw new UnreadableError(`an element has more than ${maxAttributes} attributes`, parser.line)
  })
  parser.on('opentag', (tag) => host && addTo(host, path.slice(2).join('/'), tag.attributes))
  parser.on('closetag', () => {
    path.pop()
    if (path.length !== 1) return
    if (host) hosts.push(host)
    host = undefined
    restart()
  })
  return {
    write(piece: string): void {
      parser.write(piece)
      check()
    },
    close(): void {
      if (path.length > 0) throw new UnreadableError('the document ends before </nmaprun>', parser.line)
      if (!opened) throw new UnreadableError(noScan, parser.line)
      parser.close()
    },
  }
}

/** References to entities that are not resolved. */
const maxUnresolved = 1_000
const severalScans =
  'something follows </nmaprun>: a file of nmap --append-output holds several scans; import each one by itself'
const noScan = 'not what nmap -oX writes: there is no <nmaprun>'
const maxDepth = 64

function addTo(host: Host, element: string, attributes: Record<string, string>): void {
  const { state, addr, addrtype: type = '', name, type: nameType = '' } = attributes
  if (element === 'status') host.state ??= state
  else if (element === 'address' && addr !== undefined) host.addresses.push({ type, address: addr })
  else if (element === 'hostnames/hostname' && name !== undefined) host.names.push({ type: nameType, name })
}

/** States of hosts that are targets; `unknown` is what a list scan (-sL) says of all. */
const taken = new Set(['up', 'unknown'])

function readHost({ line, state, addresses, names }: Host, note: Note): Row | undefined {
  const of = (wanted: string) => addresses.find(({ type }) => type === wanted)?.address
  const address = of('ipv4') ?? of('ipv6')
  if (state !== undefined && !taken.has(state)) {
    note(`the host ${address ?? 'without an address'} is passed over: its state is ${state}`, line)
    return undefined
  }
  if (address === undefined || isIP(address) === 0)
    return { line, issues: [{ pointer: '', message: 'is a host without an IP address' }] }
  // The address of another host is no name: that host would be lost.
  const named = (wanted: string) => names.find(({ type, name }) => type === wanted && isUsable(name))?.name
  const isUsable = (name: string) => {
    const isOther = isIP(name) !== 0 && name !== address
    if (isOther) note(`the name ${name} is an address and not that of ${address}: it is passed over`, line)
    return !isOther
  }
  const fallback = { name: address, address }
  return { line, value: { name: named('user') ?? named('PTR') ?? address, address }, fallback }
}
