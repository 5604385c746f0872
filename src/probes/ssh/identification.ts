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

/** What the peer sent instead of an identification. */
interface Unidentified {
  line?: undefined
  reason: ReasonCode
  facts: Pick<Facts, 'spoke'>
}

// RFC 4253 section 4.2 allows 255 bytes; some servers send more.
const maxLinesBefore = 50
const maxLineBytes = 1024

// OpenSSH refusals instead of an identification (sshd.c: drop_connection; srclimit.c since 9.8).
const refusalTexts = ['Exceeded MaxStartups', 'Not allowed at this time']

/** Reads up to and including the identification line. */
export async function readIdentification(wire: Wire): Promise<Identification | Unidentified> {
  let before: Buffer | undefined
  for (let lines = 0; lines <= maxLinesBefore; lines += 1) {
    const line = await wire.takeLine(maxLineBytes)
    if (typeof line === 'string') return withoutIdentification(line, before ?? wire.rest(), wire.rest())
    if (line.indexOf('SSH-') === 0) return parseIdentification(line)
    if (refusalTexts.includes(line.toString('latin1'))) return { reason: 'ssh-refused', facts: {} }
    const spoke = recognise(line)
    if (spoke !== 'other') return { reason: 'protocol-mismatch', facts: { spoke } }
    before ??= line
  }
  return { reason: 'protocol-mismatch', facts: { spoke: 'other' } }
}

function parseIdentification(line: Buffer): Identification | Unidentified {
  const [, protocolVersion, software] = /^SSH-(\d{1,3}\.\d{1,3})-([^ ]*)/.exec(line.toString('latin1')) ?? []
  if (protocolVersion === undefined || software === undefined) return { reason: 'protocol-violation', facts: {} }
  const facts = {
    identification: escapeControls(line, maxLineBytes),
    protocolVersion,
    software: escapeControls(Buffer.from(software, 'latin1'), maxLineBytes),
  }
  return { line, facts }
}

/** `first` may be incomplete; `last` is the unfinished line. */
function withoutIdentification(ending: Ending | 'not-a-line', first: Buffer, last: Buffer): Unidentified {
  const started = last.length > 0 && 'SSH-'.startsWith(last.toString('latin1', 0, 4))
  const mismatch = { reason: 'protocol-mismatch', facts: { spoke: recognise(first) } } as const
  if (ending === 'not-a-line') return started ? { reason: 'protocol-violation', facts: {} } : mismatch
  if (started || ending === 'local-resources' || ending === 'local-failure') return { reason: ending, facts: {} }
  if (first.length > 0) return mismatch
  return { reason: ending, facts: ending === 'protocol-timeout' ? { spoke: 'nothing' } : {} }
}

function recognise(text: Buffer): 'http' | 'smtp' | 'other' {
  const spoke = recognizeEnded(Buffer.concat([text, Buffer.from('\n')]))
  return spoke === 'http' || spoke === 'smtp' ? spoke : 'other'
}
