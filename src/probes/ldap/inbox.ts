import { firstBytesKept } from '../tls/first-bytes.ts'
import { BerError, readHeader, tags } from './ber.ts'
import { decodeMessage, type Response } from './messages.ts'

/** All that a peer may send on one connection; no directory needs so much for its rootDSE. */
export const mostBytes = 1024 * 1024

/** What a peer may still send on one connection, in plain and inside TLS together. */
export interface Budget {
  bytesLeft: number
}

/** What has come and was not taken yet. */
export interface Inbox {
  add(bytes: Buffer): void
  /** The next whole message; undefined while there is none. Throws a BerError. */
  next(): Response | undefined
  /** The peer sent more than it may, or announced it. */
  readonly tooLarge: boolean
  readonly isEmpty: boolean
  /** The first bytes that ever came: enough to see what speaks. */
  readonly opening: Buffer
  /** What came cannot be LDAP from its first byte on. */
  readonly isForeign: boolean
}

/**
 * Cuts what a peer sends into LDAP messages. Bytes are joined only when the announced length is complete, so a peer
 * that sends byte by byte costs no more than one that does not.
 */
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
