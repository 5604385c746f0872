import { generalizedTime } from '../../encoding/generalized-time.ts'
import { BerError, Cursor, tags } from '../ldap/ber.ts'

/** What a KDC responds to an AS-REQ. */
export interface Reply {
  message: 'KRB-ERROR' | 'AS-REP'
  /** Of a KRB-ERROR, RFC 4120 section 7.5.9. */
  errorCode?: number
  /** Milliseconds since the epoch. */
  serverTime?: number
  /** Numbers in ETYPE-INFO2, RFC 4120 section 5.2.7.5. */
  encryptionTypes?: number[]
}

const [krbError, asRep] = [0x7e, 0x6b] // APPLICATION 30 and 11
const messageTypes = { [krbError]: 30, [asRep]: 11 } as const
const protocolVersion = 5
const etypeInfo2 = 19
const maxEncryptionTypes = 30

export const replyTags: ReadonlySet<number | undefined> = new Set([krbError, asRep])

/** Decodes one message of a KDC (RFC 4120 sections 5.4.2 and 5.9.1); throws a BerError. */
export function decodeReply(message: Buffer): Reply {
  const cursor = new Cursor(message)
  const { tag, content } = cursor.any()
  if (!cursor.atEnd) throw new BerError('bytes follow the message')
  if (tag !== krbError && tag !== asRep) throw new BerError('neither KRB-ERROR nor AS-REP')
  const fields = fieldsOf(new Cursor(content).inside(tags.sequence))
  if (integerIn(fields, 0) !== protocolVersion || integerIn(fields, 1) !== messageTypes[tag])
    throw new BerError('version or type of the message')
  if (tag === asRep) {
    for (const number of [3, 4, 5, 6]) fieldIn(fields, number)
    return { message: 'AS-REP' }
  }
  const errorCode = integerIn(fields, 6)
  for (const number of [9, 10]) fieldIn(fields, number) // realm and sname
  const types = fields.has(12) ? encryptionTypesIn(fieldIn(fields, 12).content(tags.octetString)) : undefined
  return { message: 'KRB-ERROR', errorCode, serverTime: timeIn(fields), ...(types && { encryptionTypes: types }) }
}

/** The fields of a SEQUENCE by their numbers. */
function fieldsOf(cursor: Cursor): Map<number, Buffer> {
  const fields = new Map<number, Buffer>()
  let last = -1
  while (!cursor.atEnd) {
    const { tag, content: value } = cursor.any()
    const number = tag - 0xa0
    if (number <= last) throw new BerError('fields out of order')
    last = number
    fields.set(number, value)
  }
  return fields
}

function fieldIn(fields: Map<number, Buffer>, number: number): Cursor {
  const content = fields.get(number)
  if (!content) throw new BerError(`field ${number} is missing`)
  return new Cursor(content)
}

const integerIn = (fields: Map<number, Buffer>, number: number) => fieldIn(fields, number).integer(tags.integer)

const generalizedTimeTag = 0x18
const maxMicroseconds = 999_999

function timeIn(fields: Map<number, Buffer>): number {
  const seconds = generalizedTime(fieldIn(fields, 4).content(generalizedTimeTag).toString('latin1'))
  const microseconds = integerIn(fields, 5)
  if (seconds === undefined || microseconds < 0 || microseconds > maxMicroseconds) throw new BerError('time of the KDC')
  return seconds + microseconds / 1000
}

/** Of METHOD-DATA; other e-data are no error. */
function encryptionTypesIn(data: Buffer): number[] | undefined {
  try {
    const methods = new Cursor(data).inside(tags.sequence)
    while (!methods.atEnd) {
      const fields = fieldsOf(methods.inside(tags.sequence))
      if (integerIn(fields, 1) === etypeInfo2) return typesIn(fieldIn(fields, 2).content(tags.octetString))
    }
  } catch (error) {
    if (!(error instanceof BerError)) throw error
  }
  return undefined
}

function typesIn(data: Buffer): number[] {
  const entries = new Cursor(data).inside(tags.sequence)
  const types = new Set<number>()
  while (!entries.atEnd && types.size < maxEncryptionTypes) {
    const entry = entries.inside(tags.sequence)
    types.add(entry.inside(0xa0).integer(tags.integer))
  }
  return [...types].sort((a, b) => a - b)
}
