import { escapeControls } from '../../encoding/text.ts'

/** Reads RFC 4251 section 5 data types in order. Malformed fields read as empty; check `complete`. */
export interface Fields {
  byte(): number
  boolean(): boolean
  uint32(): number
  bytes(count: number): Buffer
  string(): Buffer
  uint64(): bigint
  /** Names of algorithms, as facts show them. */
  nameList(): string[]
  /** A non-negative number. */
  mpint(): bigint
  /** Whether every field was valid and no byte is left. */
  complete(): boolean
}

export function readFields(message: Buffer): Fields {
  let offset = 0
  let wellFormed = true
  const bytes = (count: number) => {
    wellFormed &&= offset + count <= message.length
    if (!wellFormed) return Buffer.alloc(0)
    offset += count
    return message.subarray(offset - count, offset)
  }
  const uint32 = () => {
    const read = bytes(4)
    return wellFormed ? read.readUInt32BE() : 0
  }
  const string = () => bytes(uint32())
  const byte = () => bytes(1)[0] ?? 0
  return {
    byte,
    boolean: () => byte() !== 0,
    uint32,
    uint64: () => toBigInt(bytes(8)),
    bytes,
    string,
    nameList: () => parseNames(string()),
    mpint() {
      const read = string()
      wellFormed &&= !isNegative(read)
      return toBigInt(read)
    },
    complete: () => wellFormed && offset === message.length,
  }
}

/**
 * As liberal as OpenSSH, which compares names and refuses none: ExtremeXOS ends its lists with an empty name. Empty names are
 * left out, unprintable bytes escaped.
 */
function parseNames(list: Buffer): string[] {
  const text = list.at(-1) === 0 ? list.subarray(0, -1) : list // sshbuf_get_cstring ignores one NUL at the end
  const names = text.toString('latin1').split(',')
  return names.filter((name) => name !== '').map((name) => escapeControls(Buffer.from(name, 'latin1'), name.length))
}

const isNegative = (mpint: Buffer) => (mpint[0] ?? 0) >= 0x80

/** Unsigned and big-endian; 0 for no bytes. */
export const toBigInt = (bytes: Buffer): bigint => BigInt(`0x0${bytes.toString('hex')}`)

/** Minimal and big-endian; no bytes for 0. */
export function unsignedBytes(value: bigint): Buffer {
  if (value === 0n) return Buffer.alloc(0)
  const hex = value.toString(16)
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
}

/** As mpint: the first byte is below 0x80. */
export function mpintBytes(value: bigint): Buffer {
  const bytes = unsignedBytes(value)
  return isNegative(bytes) ? Buffer.concat([Buffer.of(0), bytes]) : bytes
}

export function encodeUint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

export const encodeString = (content: Buffer): Buffer => Buffer.concat([encodeUint32(content.length), content])
export const encodeText = (text: string): Buffer => encodeString(Buffer.from(text))
export const encodeMpint = (value: bigint): Buffer => encodeString(mpintBytes(value))
