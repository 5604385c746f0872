import { type Answer, decode, encode, type Question, RECURSION_DESIRED } from 'dns-packet'

export type { Question }

/** What counts of a response. */
export interface Response {
  rcode: string
  authoritative: boolean
  recursionAvailable: boolean
  truncated: boolean
  /** The first records of the answer section. */
  answers: readonly Answer[]
  /** How many records the answer section has. */
  answerCount: number
}

const headerBytes = 12
const maxAnswers = 100
const counts = { questions: 4, answers: 6, authorities: 8, additionals: 10 } as const
const opcodeBits = 0x78

export interface QueryFlags {
  /** Recursion is desired. */
  recursion?: boolean | undefined
  /** Over UDP: larger datagrams are accepted, RFC 6891. */
  large?: boolean
}

/** Fits into every path, RFC 9715. */
const udpPayloadSize = 1232

/** A query with one question (RFC 1035 section 4.1). */
export const encodeQuery = (id: number, question: Question, { recursion, large }: QueryFlags): Buffer =>
  encode({
    ...{ type: 'query', id, flags: recursion ? RECURSION_DESIRED : 0, questions: [question] },
    ...(large && { additionals: [{ type: 'OPT', name: '.', udpPayloadSize, flags: 0, options: [] } as never] }),
  })

/** Whether a message that begins so can be the response. */
export const beginsResponse = (header: Buffer, id: number): boolean =>
  header.length >= headerBytes &&
  header.readUInt16BE(0) === id &&
  ((header[2] ?? 0) & 0x80) !== 0 &&
  ((header[2] ?? 0) & opcodeBits) === 0

/** Decodes the response to a query; undefined for anything else. */
export function decodeResponse(message: Buffer, id: number, question: Question): Response | undefined {
  if (!beginsResponse(message, id)) return undefined
  const [questionCount, answerCount] = [message.readUInt16BE(counts.questions), message.readUInt16BE(counts.answers)]
  if (questionCount > 1) return undefined
  try {
    const packet = decode(bounded(message, answerCount))
    const [echoed] = packet.questions ?? []
    if (echoed && !(sameName(echoed.name, question.name) && echoed.type === question.type)) return undefined
    return {
      rcode: (packet as unknown as { rcode: string }).rcode, // missing in the types of the package
      authoritative: packet.flag_aa,
      recursionAvailable: packet.flag_ra,
      truncated: packet.flag_tc,
      answers: packet.answers ?? [],
      answerCount,
    }
  } catch {
    return undefined // the package throws for every malformed message
  }
}

/** The message without what is not needed, because pointers take time. */
function bounded(message: Buffer, answerCount: number): Buffer {
  const copy = Buffer.from(message)
  copy.writeUInt16BE(Math.min(answerCount, maxAnswers), counts.answers)
  copy.writeUInt16BE(0, counts.authorities)
  copy.writeUInt16BE(0, counts.additionals)
  return copy
}

const withoutDot = (name: string) => name.replace(/\.$/, '').toLowerCase()
export const sameName = (one: string, other: string): boolean => withoutDot(one) === withoutDot(other)
