/** A violation of the encoding rules of RFC 4511 section 5.1. */
export class BerError extends Error {}

/** Tag and extent of one element; `end` may exceed the bytes received so far. */
export interface Header {
  tag: number
  start: number
  end: number
}

/**
 * Reads the element header at `at`; undefined while it is incomplete.
 * Non-minimal lengths are valid: Active Directory always sends four length octets.
 */
export function readHeader(bytes: Buffer, at = 0): Header | undefined {
  const [tag, first] = [bytes[at], bytes[at + 1]]
  if (tag !== undefined && (tag & 0x1f) === 0x1f) throw new BerError('tag of several octets')
  if (tag === undefined || first === undefined) return undefined
  if (first < 0x80) return { tag, start: at + 2, end: at + 2 + first }
  const octets = first & 0x7f
  if (octets === 0 || octets > 4) throw new BerError('length is indefinite or longer than four octets')
  const start = at + 2 + octets
  return bytes.length < start ? undefined : { tag, start, end: start + bytes.readUIntBE(at + 2, octets) }
}

/** Reads the elements of a constructed element in order; throws a BerError on any mismatch. */
export class Cursor {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  /** The next element, with any tag. */
  any(): { tag: number; content: Buffer } {
    const header = readHeader(this.#bytes, this.#at)
    if (!header || header.end > this.#bytes.length) throw new BerError('element is cut off')
    this.#at = header.end
    return { tag: header.tag, content: this.#bytes.subarray(header.start, header.end) }
  }

  /** The content of the next element, of this tag. */
  content(tag: number): Buffer {
    const element = this.any()
    if (element.tag !== tag) throw new BerError(`tag is ${element.tag}, expected ${tag}`)
    return element.content
  }

  inside(tag: number): Cursor {
    return new Cursor(this.content(tag))
  }

  /** The next INTEGER or ENUMERATED, of at most 32 bits. */
  integer(tag: number): number {
    const content = this.content(tag)
    if (content.length < 1 || content.length > 4) throw new BerError('integer is empty or too long')
    return content.readIntBE(0, content.length)
  }

  /** Skips extensions of later protocol versions (RFC 4511 section 4); each must be complete. */
  skipRest(): void {
    while (!this.atEnd) this.any()
  }
}

export const tags = { integer: 0x02, octetString: 0x04, enumerated: 0x0a, sequence: 0x30, set: 0x31 } as const
