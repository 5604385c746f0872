import type { TlsFacts } from '../../domain/protocols/tls.ts'

export type Spoke = NonNullable<TlsFacts['spoke']>

/** Enough for every rule below. */
export const firstBytesKept = 512

const [alert, handshake] = [21, 22]
const tlsHeaderLength = 5
const maxRecordLength = 0x4000 + 2048 // RFC 5246 section 6.2.3; RFC 8446 allows less

/** Recognizes a protocol by the peer's first bytes; undefined while more are needed. */
export function recognize(first: Uint8Array): Spoke | 'tls' | undefined {
  if (first.length === 0) return undefined
  // RFC 8446 section 5.1: a server starts with a handshake or an alert.
  if (first[0] === alert || first[0] === handshake) return recognizeTls(first)
  const text = Buffer.from(first).toString('latin1')
  for (const [prefix, protocol] of [
    ['HTTP/', 'http'],
    ['SSH-', 'ssh'],
  ] as const) {
    if (text.startsWith(prefix)) return protocol
    if (prefix.startsWith(text)) return undefined
  }
  return recognizeGreeting(text)
}

function recognizeTls(first: Uint8Array): 'tls' | 'other' | undefined {
  const [, major = 3, minor = 0] = first
  if (major !== 3 || minor > 4) return 'other'
  if (first.length < tlsHeaderLength) return undefined
  const length = ((first[3] ?? 0) << 8) | (first[4] ?? 0)
  return length > 0 && length <= maxRecordLength ? 'tls' : 'other'
}

// FTP greets with 220 too, without SMTP or ESMTP in the text (RFC 5321 section 4.2).
function recognizeGreeting(text: string): 'smtp' | 'other' | undefined {
  if (!/^2(2(0([ -].*)?)?)?$/s.test(text)) return 'other'
  const [line, rest] = text.split('\n', 2)
  if (rest === undefined && text.length < firstBytesKept) return undefined
  return /\be?smtp\b/i.test(line ?? '') ? 'smtp' : 'other'
}

/** The same at the end of the stream. */
export function recognizeEnded(first: Uint8Array): Spoke | 'tls' {
  return recognize(first) ?? (first.length === 0 ? 'nothing' : 'other')
}

/** The same for the first line of a peer that should speak another protocol than these. */
export function recognizeInstead(first: Uint8Array): Spoke {
  const spoke = recognizeEnded(Buffer.concat([first, Buffer.from('\n')]))
  return spoke === 'tls' ? 'other' : spoke
}
