import ipaddr from 'ipaddr.js'

/** The records of a name: an alias, IPv4 and IPv6 addresses. */
export interface DnsRecords {
  alias?: string
  addresses: readonly string[]
}

const types = { A: 1, CNAME: 5, AAAA: 28 } as const
const classInternet = 1

/**
 * The DNS response to an address query (RFC 1035 section 4) with TTL 0; NXDOMAIN for unknown names. Undefined for a
 * malformed query.
 */
export function respondToQuery(
  query: Buffer,
  find: (name: string, type: 'A' | 'AAAA') => DnsRecords | undefined,
): Buffer | undefined {
  if (query.length < 17) return undefined
  const labels: string[] = []
  let at = 12
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  const question = query.subarray(12, at + 5)
  const queryType = query.readUInt16BE(at + 1)
  const type = queryType === types.A ? 'A' : queryType === types.AAAA ? 'AAAA' : undefined
  const found = type && find(labels.join('.').toLowerCase(), type)
  const records = found ? recordsOf(found, labels.join('.'), queryType) : []
  const head = Buffer.alloc(12)
  query.copy(head, 0, 0, 2)
  head.writeUInt16BE(0x8580 | (found ? 0 : 3), 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(records.length, 6)
  return Buffer.concat([head, question, ...records])
}

function recordsOf({ alias, addresses }: DnsRecords, name: string, type: number): Buffer[] {
  const bytes = addresses.map((address) => Buffer.from(ipaddr.parse(address).toByteArray()))
  const wanted = bytes.filter(({ length }) => length === (type === types.A ? 4 : 16))
  return [
    ...(alias ? [record(name, types.CNAME, encode(alias))] : []),
    ...wanted.map((address) => record(alias ?? name, type, address)),
  ]
}

function record(name: string, type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(10) // TTL 0
  head.writeUInt16BE(type, 0)
  head.writeUInt16BE(classInternet, 2)
  head.writeUInt16BE(data.length, 8)
  return Buffer.concat([encode(name), head, data])
}

const encode = (name: string): Buffer =>
  Buffer.concat([
    ...name.split('.').map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label, 'latin1')])),
    Buffer.of(0),
  ])
