import { type Static, Type } from 'typebox'
import type { ValidationIssue } from '../errors.ts'
import type { Reasons, SharedReason } from '../findings/shared-reasons.ts'
import { closedObject } from '../policy/shape.ts'
import { Flag, list, optional } from '../policy/values.ts'
import { type Demand, defineProtocol, type ExpectationGroup, omitted, type Seen, spoke } from './protocol.ts'

/** Oldest first. SMB1 is "NT LM 0.12" of [MS-CIFS], the others are those of [MS-SMB2] section 2.2.3. */
export const smbDialects = ['SMB1', 'SMB2.0.2', 'SMB2.1', 'SMB3.0', 'SMB3.0.2', 'SMB3.1.1'] as const
export type SmbDialect = (typeof smbDialects)[number]

const Dialect = Type.Enum([...smbDialects])
const offered = Type.Optional(Type.Enum(['accepted', 'refused', 'not-tested']))
const signing = Type.Optional(Type.Enum(['required', 'enabled', 'disabled']))
const byDialect = <S extends typeof offered | typeof signing>(each: S, description: string) =>
  Type.Optional(
    closedObject(
      { SMB1: each, 'SMB2.0.2': each, 'SMB2.1': each, 'SMB3.0': each, 'SMB3.0.2': each, 'SMB3.1.1': each },
      { description },
    ),
  )

const SmbFacts = closedObject({
  smb: Type.Optional(
    closedObject({
      dialect: Type.Optional(
        Type.Enum([...smbDialects], { description: 'The newest that the peer accepts; SMB1 is "NT LM 0.12"' }),
      ),
      dialects: byDialect(offered, 'Dialects that the rule had offered, each in a connection of its own'),
      signing: byDialect(signing, 'How messages are signed in each dialect that was agreed'),
      encryption: Type.Optional(
        Type.Enum(['supported', 'not-supported'], { description: 'Of `dialect`; older ones than SMB3.0 have none' }),
      ),
      cipher: Type.Optional(
        Type.String({ description: 'That the peer chooses of all in SMB3.1.1', examples: ['AES-128-GCM'] }),
      ),
      server: Type.Optional(
        closedObject(
          {
            netbiosName: Type.Optional(Type.String({ examples: ['FILES1'] })),
            netbiosDomain: Type.Optional(Type.String()),
            dnsName: Type.Optional(Type.String({ examples: ['files1.example.com'] })),
            dnsDomain: Type.Optional(Type.String()),
            dnsForest: Type.Optional(Type.String()),
            version: Type.Optional(Type.String({ description: 'Of the system', examples: ['10.0.20348'] })),
          },
          { description: 'As the NTLM challenge names it, [MS-NLMP] section 2.2.1.2; no logon is tried' },
        ),
      ),
    }),
  ),
  spoke,
  omitted,
})
export type SmbFacts = Static<typeof SmbFacts>

const reasons = {
  'smb-negotiated': { about: 'peer', message: 'The peer speaks SMB and agreed on a dialect.' },
  'smb-refused': {
    about: 'peer',
    message: 'The peer speaks SMB and accepts none of the dialects that were offered.',
  },
  'smb-dialect-too-old': { about: 'rule', message: 'The newest dialect of the peer is older than the rule allows.' },
  'smb-old-dialect-accepted': { about: 'rule', message: 'The peer accepts an SMB dialect that the rule forbids.' },
  'smb-dialect-not-tested': {
    about: 'rule',
    message: 'It is not known whether the peer accepts an SMB dialect that the rule forbids.',
    undecided: true,
  },
  'smb-signing-not-required': {
    about: 'rule',
    message: 'The peer does not require that SMB messages are signed, so they can be relayed and changed.',
  },
  'smb-encryption-not-supported': { about: 'rule', message: 'The peer does not support encryption of SMB.' },
} as const satisfies Reasons
type SmbReason = keyof typeof reasons | SharedReason

const SmbExpectation = closedObject({
  speaks: optional(Flag),
  minDialect: optional(Dialect),
  refuses: optional(list(Dialect)),
  signing: optional(Type.Literal('required')),
  encryption: optional(Type.Literal('supported')),
})
type SmbDemand = Demand<typeof SmbExpectation>

function violation<Code extends string>(demand: SmbDemand, seen: Seen<SmbFacts, Code>): SmbReason | Code | undefined {
  const { speaks, minDialect, refuses = [], signing, encryption } = demand
  const { smb } = seen.facts
  const isAboutDialect = minDialect || refuses.length > 0 || signing || encryption
  if (!speaks && !isAboutDialect) return undefined
  if (!smb) return seen.reason
  if (!isAboutDialect) return undefined
  if (!smb.dialect) return seen.reason
  if (minDialect && smbDialects.indexOf(smb.dialect) < smbDialects.indexOf(minDialect)) return 'smb-dialect-too-old'
  for (const dialect of refuses) {
    const outcome = smb.dialects?.[dialect]
    if (outcome === 'accepted') return 'smb-old-dialect-accepted'
    if (outcome !== 'refused') return 'smb-dialect-not-tested'
  }
  if (signing) {
    const seenSigning = Object.values(smb.signing ?? {})
    if (seenSigning.length === 0) return 'facts-missing'
    if (seenSigning.some((one) => one !== 'required')) return 'smb-signing-not-required'
  }
  if (!encryption || smb.encryption === 'supported') return undefined
  return smb.encryption ? 'smb-encryption-not-supported' : 'facts-missing'
}

function contradictions({ minDialect, refuses }: Record<string, unknown>): ValidationIssue[] {
  const allowed = smbDialects.slice(Math.max(0, smbDialects.indexOf(minDialect as SmbDialect)))
  const isPossible = allowed.some((dialect) => ![refuses].flat().includes(dialect))
  return isPossible ? [] : [{ pointer: '/refuses', message: 'must leave a dialect that the rest of `smb` allows' }]
}

const smbGroup: ExpectationGroup<typeof SmbExpectation, SmbFacts, SmbReason> = {
  schema: SmbExpectation,
  violation,
  contradictions,
}

/** SMB up to the NTLM challenge: dialects, signing and names; no logon is tried. */
export const smb = defineProtocol({
  name: 'smb',
  defaultPort: 445,
  facts: SmbFacts,
  expects: { smb: smbGroup },
  options: closedObject({ offerDialects: Type.Optional(Type.Array(Dialect)) }),
  optionsFor: ({ smb: demand }) => ({ offerDialects: demand?.refuses }),
  awaits: ({ smb: seen }) => {
    if (!seen) return 'response to SMB negotiation'
    return seen.dialects ? 'response to each SMB dialect' : 'NTLM challenge'
  },
  reasons,
  modules: {},
  significance: {
    'smb/dialect': 'notice',
    'smb/dialects': 'notice',
    'smb/dialects/SMB1': 'alert',
    'smb/signing': 'alert',
    'smb/encryption': 'notice',
    'smb/server': 'notice',
  },
})
