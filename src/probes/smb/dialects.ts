import { type SmbDialect, type SmbFacts, smbDialects } from '../../domain/protocols/smb.ts'
import type { Deadline } from '../engine/deadline.ts'
import { type Endpoint, isConnection, type ProbeIo } from '../engine/probe.ts'
import type { Agreement } from './messages.ts'
import { agreed, isClose, negotiateSmb1, negotiateSmb2, type Outcome } from './session.ts'

type Dialects = NonNullable<NonNullable<SmbFacts['smb']>['dialects']>

export interface OfferedDialects {
  dialects: Dialects
  agreements: Agreement[]
}

/**
 * Offers each dialect alone, one connection each. `refused` requires an SMB response, or a close while another dialect works:
 * silence and local failures are `not-tested`.
 */
export async function offerDialects(
  endpoint: Endpoint,
  requested: readonly SmbDialect[],
  known: ReadonlyMap<SmbDialect, Outcome>,
  io: ProbeIo,
): Promise<OfferedDialects> {
  const wanted = smbDialects.filter((dialect) => requested.includes(dialect))
  const outcomes = new Map<SmbDialect, Outcome>()
  for (const [index, dialect] of wanted.entries()) {
    const deadline = io.deadline.share(wanted.length - index)
    outcomes.set(dialect, known.get(dialect) ?? (await offerDialect(endpoint, dialect, io, deadline)))
  }
  const agreements = [...outcomes.values()].filter(agreed)
  const another = agreements.length > 0 || [...known.values()].some(agreed)
  const toFact = (outcome: Outcome) => {
    if (agreed(outcome)) return 'accepted'
    return outcome.refused || (another && isClose(outcome)) ? 'refused' : 'not-tested'
  }
  return { dialects: Object.fromEntries([...outcomes].map(([one, outcome]) => [one, toFact(outcome)])), agreements }
}

/** Offers one dialect in a connection of its own. */
export async function offerDialect(
  endpoint: Endpoint,
  dialect: SmbDialect,
  io: ProbeIo,
  deadline: Deadline = io.deadline,
): Promise<Outcome> {
  const connection = await io.connect(endpoint)
  if (!isConnection(connection)) return { reason: connection.reason, refused: false }
  return dialect === 'SMB1' ? negotiateSmb1(connection, deadline) : negotiateSmb2(connection, [dialect], deadline)
}
