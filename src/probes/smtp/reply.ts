import type { Ending, Wire } from '../network/wire.ts'

/** A reply: its code, and the text of each line after it. RFC 5321 section 4.2. */
export interface Reply {
  code: number
  lines: readonly string[]
}

/** Why there is no complete reply. */
export interface NoReply {
  failure: Ending | 'not-a-reply' | 'protocol-violation'
  /** It began as a reply does. */
  started: boolean
  /** The line that is not one of a reply, or its beginning. */
  text: Buffer
}

// RFC 5321 section 4.5.3.1.5 allows 512 bytes a line; servers are seen that send more.
const maxLineBytes = 2048
const maxLines = 100

// The first line, or the beginning of one.
const beginning = /^[2-5](?:\d(?:\d(?:[ -].*)?)?)?$/s

/** Reads one reply with all of its lines. */
export async function readReply(wire: Wire): Promise<Reply | NoReply> {
  const lines: string[] = []
  let code: number | undefined
  const none = (failure: NoReply['failure'], text: Buffer): NoReply => ({
    failure,
    started: code !== undefined || beginning.test(text.toString('latin1')),
    text,
  })
  while (lines.length < maxLines) {
    const line = await wire.takeLine(maxLineBytes)
    if (line === 'not-a-line') return none('not-a-reply', wire.rest())
    if (typeof line === 'string') return none(line, wire.rest())
    // Latin-1 keeps every byte.
    const [, digits, separator, text = ''] = /^([2-5]\d\d)(?:([ -])(.*))?$/s.exec(line.toString('latin1')) ?? []
    if (digits === undefined) return none('not-a-reply', line)
    if (code !== undefined && code !== Number(digits)) return none('protocol-violation', line)
    code = Number(digits)
    lines.push(text)
    if (separator !== '-') return { code, lines }
  }
  return none('response-too-large', wire.rest())
}

export const isReply = (read: Reply | NoReply): read is Reply => 'code' in read

/** Sends a command and reads its reply; bytes that came before the command cannot belong to it. */
export async function request(wire: Wire, command: string): Promise<Reply | NoReply> {
  if (wire.rest().length > 0) return { failure: 'protocol-violation', started: true, text: wire.rest() }
  wire.send(Buffer.from(`${command}\r\n`))
  return readReply(wire)
}
