import { firstBytesKept } from '../tls/first-bytes.ts'
import { BerError, readHeader, tags } from './ber.ts'
import { decodeMessage, type Response } from './messages.ts'

/** Maximum bytes per connection; far above any rootDSE. */
export const maxBytes = 1024 * 1024

/** What a peer may still send, in clear and inside TLS together. */
export interface Budget {
  bytesLeft: number
}

/** Bytes received and not yet consumed. */
export interface Inbox {
  add(bytes: Buffer): void
  /** The next complete message, if any. Throws a BerError. */
  next(): Response | undefined
  /** The peer sent, or announced, more than the budget allows. */
  readonly tooLarge: boolean
  readonly isEmpty: boolean
  /** The first bytes, enough to recognize the protocol. */
  readonly opening: Buffer
  /** The first byte cannot be LDAP. */
  readonly isForeign: boolean
}

/** Splits a byte stream into LDAP messages; tiny chunks cost no more than large ones. */
export function createInbox(budget: Budget): Inbox {
  let chunks: Buffer[] = []
  let size = 0
  let wanted = 1
  let tooLarge = false
  let opening = Buffer.alloc(0)

  const joined = (): Buffer => {
    const [first] = chunks
    const bytes = chunks.length === 1 && first ? first : Buffer.concat(chunks, size)
    chunks = [bytes]
    return bytes
  }

  const next = (): Response | undefined => {
    if (tooLarge || size < wanted) return undefined
    const bytes = joined()
    if (bytes[0] !== tags.sequence) throw new BerError('not an LDAPMessage')
    const header = readHeader(bytes)
    if (header && header.end > size + budget.bytesLeft) tooLarge = true
    if (!header || header.end > size) {
      wanted = header?.end ?? size + 1
      return undefined
    }
    chunks = [bytes.subarray(header.end)]
    size -= header.end
    wanted = 1
    return decodeMessage(bytes.subarray(header.start, header.end))
  }

  return {
    add(bytes) {
      budget.bytesLeft -= bytes.length
      const missing = firstBytesKept - opening.length
      if (missing > 0) opening = Buffer.concat([opening, bytes.subarray(0, missing)])
      tooLarge ||= budget.bytesLeft < 0
      if (tooLarge) return
      chunks.push(bytes)
      size += bytes.length
    },
    next,
    get tooLarge() {
      return tooLarge
    },
    get isEmpty() {
      return size === 0
    },
    get opening() {
      return opening
    },
    get isForeign() {
      return opening.length > 0 && opening[0] !== tags.sequence
    },
  }
}
