import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { SshFacts } from '../../domain/protocols/ssh.ts'
import { escapeControls } from '../../encoding/text.ts'
import type { Ending, Wire } from '../network/wire.ts'
import { recognizeEnded } from '../tls/first-bytes.ts'

type Facts = SshFacts

/** Our identification without CR LF. RFC 4253 section 4.2 excludes spaces and minus signs and allows 255 bytes. */
export const identify = (requester: string): Buffer =>
  Buffer.from(`SSH-2.0-${requester.replace(/[^\x21-\x2c\x2e-\x7e]/g, '_').slice(0, 200)}`)

/** The peer's identification; the exchange hash covers `line`. */
export interface Identification {
  line: Buffer
  facts: Required<Pick<Facts, 'identification' | 'protocolVersion' | 'software'>>
}

/** What the peer sent instead of an identification of SSH. */
interface Unidentified {
  line?: undefined
  reason: ReasonCode
  facts: Pick<Facts, 'spoke' | 'identification' | 'refusal'>
}

// Of OpenSSH (ssh.h: SSH_MAX_PRE_BANNER_LINES, SSH_MAX_BANNER_LEN); RFC 4253 section 4.2 asks for 255 bytes.
const maxLinesBefore = 1024
const maxLineBytes = 8192
export const maxIdentificationBytes = maxLinesBefore * (maxLineBytes + 2)

/** The first line of FTP, SMTP and NNTP, POP3 and Redis, IMAP, VNC. SSH allows any other before its identification. */
const foreignGreeting = /^(\d{3}[ -]|\+OK|-ERR|\* (OK|BYE|PREAUTH)|RFB )/

// OpenSSH refusals instead of an identification (sshd.c: drop_connection; srclimit.c since 9.8).
const refusalTexts = ['Exceeded MaxStartups', 'Not allowed at this time']

/** Reads up to and including the identification line. */
export async function readIdentification(wire: Wire): Promise<Identification | Unidentified> {
  let before: Buffer | undefined
  for (let lines = 0; lines < maxLinesBefore; lines += 1) {
    const line = await wire.takeLine(maxLineBytes + 1) // with its CR
    if (typeof line === 'string') return withoutIdentification(line, before, wire.rest())
    if (line.indexOf('SSH-') === 0) return parseIdentification(withoutCarriageReturns(line))
    const text = line.toString('latin1')
    if (refusalTexts.includes(text)) return { reason: 'ssh-refused-for-now', facts: { refusal: { text } } }
    const spoke = recognise(line)
    if (spoke !== 'other') return { reason: 'protocol-mismatch', facts: { spoke } }
    before ??= line
  }
  return { reason: 'protocol-mismatch', facts: { spoke: 'other' } }
}

/** OpenSSH takes any number of CR as the end of a line, and hashes none. */
function withoutCarriageReturns(line: Buffer): Buffer {
  const end = line.findLastIndex((byte) => byte !== 0x0d)
  return line.subarray(0, end + 1)
}

function parseIdentification(line: Buffer): Identification | Unidentified {
  const identification = escapeControls(line, maxLineBytes)
  // Some servers send no software version, against RFC 4253 section 4.2.
  const [, protocolVersion, software = ''] = /^SSH-(\d{1,3}\.\d{1,3})(?:-([^ ]*)|$)/.exec(line.toString('latin1')) ?? []
  if (protocolVersion === undefined) return { reason: 'protocol-violation', facts: { identification } }
  return {
    line,
    facts: { identification, protocolVersion, software: escapeControls(Buffer.from(software, 'latin1'), maxLineBytes) },
  }
}

/** `before` is the first line, `last` the unfinished one. */
function withoutIdentification(ending: Ending | 'not-a-line', before: Buffer | undefined, last: Buffer): Unidentified {
  const first = before ?? last
  const started = last.length > 0 && 'SSH-'.startsWith(last.toString('latin1', 0, 4))
  const mismatch = { reason: 'protocol-mismatch', facts: { spoke: recognise(first) } } as const
  if (ending === 'not-a-line') return started ? notALine(last) : mismatch
  if (started || ending === 'local-resources' || ending === 'local-failure') return { reason: ending, facts: {} }
  const mayFollow = mismatch.facts.spoke === 'other' && !foreignGreeting.test(first.toString('latin1'))
  if (first.length > 0) return mayFollow && ending === 'protocol-timeout' ? { reason: ending, facts: {} } : mismatch
  return { reason: ending, facts: ending === 'protocol-timeout' ? { spoke: 'nothing' } : {} }
}

/** NUL or too many bytes, which OpenSSH refuses. */
function notALine(received: Buffer): Unidentified {
  const [line = ''] = received.toString('latin1').split(/\r*\n/, 1)
  return { reason: 'protocol-violation', facts: { identification: escapeControls(Buffer.from(line, 'latin1')) } }
}

function recognise(text: Buffer): 'http' | 'smtp' | 'other' {
  const spoke = recognizeEnded(Buffer.concat([text, Buffer.from('\n')]))
  return spoke === 'http' || spoke === 'smtp' ? spoke : 'other'
}
