import { type Static, Type } from 'typebox'
import type { Reasons, SharedReason } from '../findings/shared-reasons.ts'
import { closedObject } from '../policy/shape.ts'
import { Flag, optional } from '../policy/values.ts'
import { type Demand, defineProtocol, type ExpectationGroup, type Seen } from './protocol.ts'
import { awaitsTls, TlsFacts, tlsGroup, tlsOptions, tlsOptionsFor, tlsSignificance } from './tls.ts'

/** Weakest first. */
const encryptions = ['not-supported', 'optional', 'required', 'strict'] as const

/** Those of TLS are of the session inside the pre-login, or around it if the encryption is strict. */
const MssqlFacts = closedObject({
  ...TlsFacts.properties,
  mssql: Type.Optional(
    closedObject({
      version: Type.Optional(
        Type.String({ description: 'Of the server, as the pre-login has it', examples: ['16.0.1000.6'] }),
      ),
      encryption: Type.Optional(
        Type.Enum([...encryptions], {
          description:
            '`optional`: only the login is encrypted unless the client demands more. `strict`: TLS before the first byte (TDS 8.0), and nothing else',
        }),
      ),
    }),
  ),
})
export type MssqlFacts = Static<typeof MssqlFacts>

const reasons = {
  'mssql-tls-ok': { about: 'peer', message: 'The peer speaks TDS, and its TLS handshake completed.' },
  'mssql-without-tls': { about: 'peer', message: 'The peer speaks TDS and supports no encryption.' },
  'mssql-encryption-too-weak': {
    about: 'rule',
    message: 'The server accepts connections with less encryption than the rule demands.',
  },
} as const satisfies Reasons
type MssqlReason = keyof typeof reasons | SharedReason

const MssqlExpectation = closedObject({
  speaks: optional(Flag),
  encryption: optional(
    Type.Enum(['required', 'strict'], {
      description: 'The least: `required` is met by `strict` too',
    }),
  ),
})

function violation<Code extends string>(
  { speaks, encryption }: Demand<typeof MssqlExpectation>,
  { facts: { mssql: seen }, reason }: Seen<MssqlFacts, Code>,
): MssqlReason | Code | undefined {
  if (!speaks && !encryption) return undefined
  if (!seen) return reason
  if (!encryption) return undefined
  if (!seen.encryption) return 'facts-missing'
  return encryptions.indexOf(seen.encryption) < encryptions.indexOf(encryption)
    ? 'mssql-encryption-too-weak'
    : undefined
}

const mssqlGroup: ExpectationGroup<typeof MssqlExpectation, MssqlFacts, MssqlReason> = {
  schema: MssqlExpectation,
  violation,
}

/** The pre-login of SQL Server, and the TLS handshake inside it; no login is tried. */
export const mssql = defineProtocol({
  name: 'mssql',
  defaultPort: 1433,
  facts: MssqlFacts,
  expects: { mssql: mssqlGroup, tls: tlsGroup },
  options: closedObject(tlsOptions),
  optionsFor: (expect) => tlsOptionsFor(expect.tls),
  awaits: ({ mssql: seen, ...facts }) => (seen ? awaitsTls(facts) : 'response to TDS pre-login'),
  reasons,
  modules: {},
  significance: { ...tlsSignificance, 'mssql/encryption': 'alert', 'mssql/version': 'notice' },
})
