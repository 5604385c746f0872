import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { SmbFacts } from '../../domain/protocols/smb.ts'
import type { Deadline } from '../engine/deadline.ts'
import type { Connection } from '../engine/probe.ts'
import { explainNoRecord, isRecord, type NoRecord, reasonOf, takeRecord } from '../network/record.ts'
import { openWire, type Wire } from '../network/wire.ts'
import {
  type Agreement,
  encodeSessionSetup,
  encodeSmb1Negotiate,
  encodeSmb2Negotiate,
  frame,
  framing,
  isInterim,
  isSmb,
  readSessionSetup,
  readSmb1Negotiate,
  readSmb2Negotiate,
  type Smb2Dialect,
} from './messages.ts'
import { challengeRequest, readChallenge } from './ntlm.ts'

/** A negotiation without an agreement; with `refused`, the peer speaks SMB. */
export interface NoAgreement {
  reason: ReasonCode
  refused: boolean
  spoke?: SmbFacts['spoke']
}

export type Outcome = Agreement | NoAgreement

export const agreed = (outcome: Outcome): outcome is Agreement => 'dialect' in outcome
export const isClose = ({ reason }: NoAgreement): boolean =>
  reason === 'connection-closed' || reason === 'connection-reset'

const maxBytes = 128 * 1024
const maxInterim = 4

/** Offers "NT LM 0.12" alone and closes the connection. */
export const negotiateSmb1 = ({ socket }: Connection, deadline: Deadline): Promise<Outcome> =>
  withWire(socket, deadline, (wire) => negotiate(wire, encodeSmb1Negotiate(), readSmb1Negotiate))

/** Offers these dialects of SMB 2 and 3 and closes the connection. */
export const negotiateSmb2 = (
  { socket }: Connection,
  dialects: readonly Smb2Dialect[],
  deadline: Deadline,
): Promise<Outcome> => withWire(socket, deadline, (wire) => offer(wire, dialects))

const offer = (wire: Wire, dialects: readonly Smb2Dialect[]) =>
  negotiate(wire, encodeSmb2Negotiate(dialects), (message) => readSmb2Negotiate(message, dialects))

interface Introduction {
  outcome: Outcome
  server?: NonNullable<SmbFacts['smb']>['server']
  /** Why the names are not known, if waiting longer or another vantage could show them. */
  withoutNames?: ReasonCode
}

/** The same, and the NTLM challenge with the names of the server: no account is named, so that no logon fails. */
export const introduce = (
  { socket }: Connection,
  dialects: readonly Smb2Dialect[],
  deadline: Deadline,
): Promise<Introduction> =>
  withWire(socket, deadline, async (wire) => {
    const outcome = await offer(wire, dialects)
    if (!agreed(outcome)) return { outcome }
    const response = await exchange(wire, encodeSessionSetup(challengeRequest))
    if (!Buffer.isBuffer(response)) return { outcome, ...(isOpen(response) && { withoutNames: reasonOf(response) }) }
    const token = readSessionSetup(response)
    const server = token && readChallenge(token)
    return { outcome, ...(server && { server }) }
  })

/** A peer that closes at the request for a challenge has decided; silence and local failures leave it open. */
const isOpen = ({ failure }: NoRecord) =>
  failure !== 'connection-closed' && failure !== 'connection-reset' && failure !== 'not-a-record'

async function withWire<T>(socket: Connection['socket'], deadline: Deadline, talk: (wire: Wire) => Promise<T>) {
  const wire = openWire(socket, deadline, maxBytes)
  const result = await talk(wire)
  await wire.close()
  return result
}

async function negotiate(
  wire: Wire,
  request: Buffer,
  read: (message: Buffer) => Agreement | 'refused' | undefined,
): Promise<Outcome> {
  const response = await exchange(wire, request)
  if (!Buffer.isBuffer(response)) return { ...explainNoRecord(response), refused: false }
  if (!isSmb(response)) return { reason: 'protocol-mismatch', refused: false, spoke: 'other' }
  const outcome = read(response)
  if (outcome === 'refused') return { reason: 'smb-refused', refused: true }
  return outcome ?? { reason: 'protocol-violation', refused: false }
}

async function exchange(wire: Wire, request: Buffer): Promise<Buffer | NoRecord> {
  wire.send(frame(request))
  for (let left = maxInterim; left > 0; left -= 1) {
    const record = await takeRecord(wire, framing)
    if (!isRecord(record)) return record
    if (!isInterim(record.body)) return record.body
  }
  return { failure: 'response-too-large', started: true, bytes: Buffer.alloc(0) }
}
