import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { SmbDialect, SmbFacts } from '../../domain/protocols/smb.ts'
import { isConnection, type Probe } from '../engine/probe.ts'
import { offerDialect, offerDialects } from './dialects.ts'
import { type Agreement, smb2Dialects } from './messages.ts'
import { agreed, introduce, isClose, type Outcome } from './session.ts'

/** SMB up to the NTLM challenge; one more connection for each dialect of the rule. No account is named, no logon is tried. */
export const probeSmb: Probe<'smb'> = async (endpoint, { offerDialects: requested = [] }, io) => {
  const connection = await io.connect(endpoint)
  if (!isConnection(connection)) return { ...connection, facts: {} }
  const { outcome: newest, server, withoutNames } = await introduce(connection, smb2Dialects, io.deadline)
  const known = new Map<SmbDialect, Outcome>(agreed(newest) ? [[newest.dialect, newest]] : [])
  if (mayKnowSmb1(newest)) known.set('SMB1', await offerDialect(endpoint, 'SMB1', io))
  const outcomes = [newest, ...known.values()]
  if (!outcomes.some(isFromSmb)) return { state: 'open', ...withoutSmb(outcomes.at(-1) ?? newest) }
  const best = outcomes.find(agreed)
  const offered = requested.length > 0 ? await offerDialects(endpoint, requested, known, io) : undefined
  const agreements = [...known.values(), ...(offered?.agreements ?? [])].filter(agreed)
  return {
    state: 'open',
    reason: best ? (withoutNames ?? 'smb-negotiated') : withoutDialect(known.get('SMB1')),
    facts: {
      smb: {
        ...(best && factsOf(best, agreements)),
        ...(offered && { dialects: offered.dialects }),
        ...(server && { server }),
      },
    },
  }
}

/** A server that knows SMB1 alone closes the connection at a message of SMB2, or refuses it. */
const mayKnowSmb1 = (outcome: Outcome): boolean => !agreed(outcome) && (outcome.refused || isClose(outcome))

const isFromSmb = (outcome: Outcome): boolean => agreed(outcome) || outcome.refused

function withoutSmb(outcome: Outcome): { reason: ReasonCode; facts: SmbFacts } {
  if (agreed(outcome)) return { reason: 'smb-negotiated', facts: {} }
  const { reason, spoke } = outcome
  return { reason, facts: spoke ? { spoke } : {} }
}

/** A peer that refuses SMB 2 and 3 may know SMB1, unless it closed the connection at its offer too. */
const withoutDialect = (smb1: Outcome | undefined): ReasonCode =>
  smb1 && !agreed(smb1) && !isClose(smb1) ? smb1.reason : 'smb-refused'

function factsOf(best: Agreement, agreements: readonly Agreement[]): NonNullable<SmbFacts['smb']> {
  const { dialect, encryption, cipher } = best
  return {
    dialect,
    signing: Object.fromEntries(agreements.map((one) => [one.dialect, one.signing])),
    encryption,
    ...(cipher && { cipher }),
  }
}
