/** One DER element, X.690 section 8.1. */
export interface Element {
  tag: number
  content: Buffer
  /** Tag, length and content. */
  whole: Buffer
}

export const nothing = Buffer.alloc(0)

/** The content of the first element. */
export const first = (der: Buffer): Buffer => elements(der)[0]?.content ?? nothing

/** Consecutive DER elements; throws a RangeError on an invalid length. */
export function elements(der: Buffer): Element[] {
  const found: Element[] = []
  for (let at = 0; at < der.length; ) {
    const short = der.readUInt8(at + 1)
    const lengthBytes = short < 0x80 ? 0 : short & 0x7f
    const start = at + 2 + lengthBytes
    const end = start + (lengthBytes === 0 ? short : der.readUIntBE(at + 2, lengthBytes))
    if (end > der.length) throw new RangeError('element exceeds its parent')
    found.push({ tag: der.readUInt8(at), content: der.subarray(start, end), whole: der.subarray(at, end) })
    at = end
  }
  return found
}
