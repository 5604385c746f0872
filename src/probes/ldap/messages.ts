import { BindRequest, ExtendedRequest, PresenceFilter, SearchRequest, UnbindRequest } from 'ldapts'
import { Cursor, tags } from './ber.ts'

// ldapts 9.2 only encodes. Its reader lets inner lengths exceed the message and reads a missing result code as success;
// its client reconnects in clear and keeps bytes from before StartTLS.

/** Tags of the responses in use, RFC 4511. */
export const responses = {
  bind: 0x61,
  searchEntry: 0x64,
  searchDone: 0x65,
  extended: 0x78,
} as const

/** One LDAPMessage from a server, its operation still encoded. */
export interface Response {
  messageId: number
  /** The tag of the operation. */
  kind: number
  content: Buffer
}

/** A request and how to read its response; `decode` may throw a BerError. */
export interface Operation<T> {
  messageId: number
  bytes: Buffer
  /** The kind of the final response. */
  last: number
  /** The kind that may precede it once. */
  before?: number
  decode: (last: Buffer, before: Buffer | undefined) => T
}

/** An LDAPResult, RFC 4511 section 4.1.9. */
export interface Result {
  code: number
  diagnostic: string
}

/** Attribute values by lower-case attribute name. */
export type Attributes = ReadonlyMap<string, readonly Buffer[]>

/** Decodes the content of one LDAPMessage; throws a BerError. */
export function decodeMessage(content: Buffer): Response {
  const cursor = new Cursor(content)
  const messageId = cursor.integer(tags.integer)
  const { tag: kind, content: operation } = cursor.any()
  cursor.skipRest()
  return { messageId, kind, content: operation }
}

/** Searches the rootDSE (RFC 4512 section 5.1); `attributes` is absent if the server refuses. */
export function searchRootDse(
  messageId: number,
  names: readonly string[],
): Operation<{ result: Result; attributes?: Attributes }> {
  const filter = new PresenceFilter({ attribute: 'objectClass' })
  return {
    messageId,
    bytes: new SearchRequest({ messageId, baseDN: '', scope: 'base', filter, attributes: [...names] }).write(),
    last: responses.searchDone,
    before: responses.searchEntry,
    decode: (last, entry) => ({ result: decodeResult(last), attributes: entry && decodeEntry(entry) }),
  }
}

/** RFC 4511 section 4.14. */
export const startTls = (messageId: number): Operation<Result> => ({
  messageId,
  bytes: new ExtendedRequest({ messageId, oid: '1.3.6.1.4.1.1466.20037' }).write(),
  last: responses.extended,
  decode: decodeResult,
})

/** RFC 4511 section 4.2. The bytes contain the password. */
export const simpleBind = (messageId: number, dn: string, password: string): Operation<Result> => ({
  messageId,
  bytes: new BindRequest({ messageId, dn, password }).write(),
  last: responses.bind,
  decode: decodeResult,
})

/** An unbind, which has no response (RFC 4511 section 4.3). */
export const unbind = (messageId: number): Buffer => new UnbindRequest({ messageId }).write()

const maxDiagnosticLength = 1000

function decodeResult(content: Buffer): Result {
  const cursor = new Cursor(content)
  const code = cursor.integer(tags.enumerated)
  cursor.content(tags.octetString) // matchedDN
  const diagnostic = cursor.content(tags.octetString).toString('latin1', 0, maxDiagnosticLength)
  cursor.skipRest()
  return { code, diagnostic }
}

function decodeEntry(content: Buffer): Attributes {
  const entry = new Cursor(content)
  entry.content(tags.octetString) // objectName, empty for the rootDSE
  const list = entry.inside(tags.sequence)
  entry.skipRest()
  const attributes = new Map<string, Buffer[]>()
  while (!list.atEnd) {
    const attribute = list.inside(tags.sequence)
    const name = attribute.content(tags.octetString).toString('latin1').toLowerCase()
    const set = attribute.inside(tags.set)
    attribute.skipRest()
    const values: Buffer[] = []
    while (!set.atEnd) values.push(set.content(tags.octetString))
    attributes.set(name, values)
  }
  return attributes
}
