/** A name that no realm has, so that no account is locked. */
export const madeUpClient = ['portwarden-unknown-5f2c81d4']

/** Of RFC 8009, RFC 3962 and RFC 4757, strongest first. */
const encryptionTypes = [20, 19, 18, 17, 23]

const protocolVersion = 5
const asReq = 10
const [ntPrincipal, ntServiceInstance] = [1, 2]
/** The latest end of a ticket in 32 bits. */
const till = '20370913024805Z'

/** An AS-REQ without pre-authentication data (RFC 4120 section 5.4.1). The nonce is below 2^31, as old KDCs demand. */
export function encodeAsReq(realm: string, client: readonly string[], nonce: number): Buffer {
  const body = sequence(
    field(0, element(0x03, Buffer.alloc(5))), // 32 options, none of them set
    field(1, principal(ntPrincipal, client)),
    field(2, text(realm)),
    field(3, principal(ntServiceInstance, ['krbtgt', realm])),
    field(5, element(0x18, Buffer.from(till))),
    field(7, integer(nonce)),
    field(8, sequence(...encryptionTypes.map(integer))),
  )
  const request = sequence(field(1, integer(protocolVersion)), field(2, integer(asReq)), field(4, body))
  return element(0x60 | asReq, request)
}

const principal = (type: number, names: readonly string[]) =>
  sequence(field(0, integer(type)), field(1, sequence(...names.map(text))))

/** One element in DER of at most 64 KiB. */
function element(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents)
  const { length } = content
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content])
  const octets = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...octets), content])
}

const sequence = (...contents: Buffer[]) => element(0x30, ...contents)
const field = (number: number, content: Buffer) => element(0xa0 | number, content)
/** A KerberosString, RFC 4120 section 5.2.1. */
const text = (value: string) => element(0x1b, Buffer.from(value))

/** A non-negative INTEGER below 2^31. */
function integer(value: number): Buffer {
  const bytes = Buffer.alloc(5)
  bytes.writeInt32BE(value, 1)
  let start = 0
  while (start < 4 && bytes[start] === 0 && (bytes[start + 1] ?? 0) < 0x80) start += 1
  return element(0x02, bytes.subarray(start))
}
