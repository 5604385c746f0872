/** The bytes break the encoding rules that RFC 4511 section 5.1 allows: what they say cannot be believed. */
export class BerError extends Error {}

/** Tag and place of one element; `end` may lie beyond the bytes that are here. */
export interface Header {
  tag: number
  start: number
  end: number
}

/**
 * The header of the element at `at`; undefined while it is not complete. LDAP allows definite lengths only, and no tag
 * above 30 (RFC 4511 section 5.1). Active Directory writes every length in the long form with four octets, so a
 * length need not be minimal.
 */
export function readHeader(bytes: Buffer, at = 0): Header | undefined {
  const [tag, first] = [bytes[at], bytes[at + 1]]
  if (tag !== undefined && (tag & 0x1f) === 0x1f) throw new BerError('tag of several octets')
  if (tag === undefined || first === undefined) return undefined
  if (first < 0x80) return { tag, start: at + 2, end: at + 2 + first }
  const octets = first & 0x7f
  if (octets === 0 || octets > 4) throw new BerError('length is indefinite or absurd')
  const start = at + 2 + octets
  return bytes.length < start ? undefined : { tag, start, end: start + bytes.readUIntBE(at + 2, octets) }
}

/** Reads the elements of a constructed element one after another. Whatever is not as asked for is a BerError. */
export class Cursor {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  /** The next element, whatever its tag. */
  any(): { tag: number; content: Buffer } {
    const header = readHeader(this.#bytes, this.#at)
    if (!header || header.end > this.#bytes.length) throw new BerError('element is cut off')
    this.#at = header.end
    return { tag: header.tag, content: this.#bytes.subarray(header.start, header.end) }
  }

  /** The content of the next element, which must have this tag. */
  content(tag: number): Buffer {
    const element = this.any()
    if (element.tag !== tag) throw new BerError(`tag ${element.tag} in place of ${tag}`)
    return element.content
  }

  inside(tag: number): Cursor {
    return new Cursor(this.content(tag))
  }

  /** The next element as a whole number of at most 32 bits: INTEGER, ENUMERATED. */
  integer(tag: number): number {
    const content = this.content(tag)
    if (content.length < 1 || content.length > 4) throw new BerError('integer is empty or too long')
    return content.readIntBE(0, content.length)
  }

  /** Reads to the end: what a later version of the protocol may add is passed over (RFC 4511 section 4), yet it must be whole. */
  skipRest(): void {
    while (!this.atEnd) this.any()
  }
}

export const tags = { integer: 0x02, octetString: 0x04, enumerated: 0x0a, sequence: 0x30, set: 0x31 } as const
