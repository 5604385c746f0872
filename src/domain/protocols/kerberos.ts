import { type Static, Type } from 'typebox'
import { mayHaveMissed, type Reasons, type SharedReason } from '../findings/shared-reasons.ts'
import { closedObject } from '../policy/shape.ts'
import { Flag, optional } from '../policy/values.ts'
import {
  type Demand,
  defineProtocol,
  type ExpectationGroup,
  type Seen,
  spoke,
  texts,
  transportOption,
} from './protocol.ts'

const KerberosFacts = closedObject({
  kerberos: Type.Optional(
    closedObject({
      response: Type.Enum(['KRB-ERROR', 'AS-REP'], { description: 'To a request for a client that does not exist' }),
      errorCode: Type.Optional(Type.Integer({ description: 'Of that KRB-ERROR, RFC 4120 section 7.5.9' })),
      errorName: Type.Optional(Type.String()),
      realm: Type.Optional(
        closedObject({
          name: Type.String({ description: 'The realm of the rule' }),
          served: Type.Optional(Type.Boolean({ description: 'Absent if the responses do not show it' })),
        }),
      ),
      clock: Type.Optional(
        closedObject({
          limitSeconds: Type.Integer({ description: 'The limit of the rule' }),
          within: Type.Boolean({ description: 'The clocks of KDC and vantage differ by no more than the limit' }),
        }),
      ),
      encryptionTypes: Type.Optional({
        ...texts,
        description: 'Of the keys of `krbtgt`, as the KDC lists them in ETYPE-INFO2',
      }),
    }),
  ),
  spoke,
})
export type KerberosFacts = Static<typeof KerberosFacts>

const reasons = {
  'kerberos-responded': { about: 'peer', message: 'A Kerberos KDC responds.' },
  'kerberos-realm-not-served': { about: 'rule', message: 'The KDC responds and does not serve the realm of the rule.' },
  'kerberos-realm-not-shown': {
    about: 'rule',
    message:
      'The KDC gives the same response for every realm if the client does not exist, so its realm is not known: set `askKrbtgt` in the rule.',
    undecided: true,
  },
  'kerberos-clock-skewed': {
    about: 'rule',
    message:
      'The clock of the KDC differs from that of the vantage by more than the rule allows: see time synchronization.',
  },
} as const satisfies Reasons
type KerberosReason = keyof typeof reasons | SharedReason

const Realm = Type.String({
  pattern: '^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$',
  maxLength: 253,
  description: 'A realm as in RFC 4120 section 6.1; case matters to most KDCs',
  examples: ['AD.EXAMPLE.COM'],
})
const maxSkewSeconds = 86_400

const KerberosExpectation = closedObject({
  answers: optional(Flag),
  realm: optional(Realm),
  askKrbtgt: optional(Flag),
  maxClockSkewSeconds: optional(Type.Integer({ minimum: 1, maximum: maxSkewSeconds, examples: [300] })),
})
type KerberosDemand = Demand<typeof KerberosExpectation>
type Shown = NonNullable<KerberosFacts['kerberos']>

function realmViolation(realm: string, seen: Shown['realm']): KerberosReason | undefined {
  if (seen?.name !== realm) return 'facts-missing'
  if (seen.served === undefined) return 'kerberos-realm-not-shown'
  return seen.served ? undefined : 'kerberos-realm-not-served'
}

/** Facts of another limit decide where they imply the result. */
function clockViolation(limitSeconds: number, seen: Shown['clock']): KerberosReason | undefined {
  if (seen?.within && seen.limitSeconds <= limitSeconds) return undefined
  return seen && !seen.within && seen.limitSeconds >= limitSeconds ? 'kerberos-clock-skewed' : 'facts-missing'
}

function violation<Code extends string>(
  demand: KerberosDemand,
  { facts: { kerberos: seen }, reason }: Seen<KerberosFacts, Code>,
): KerberosReason | Code | undefined {
  const { answers, realm, maxClockSkewSeconds } = demand
  if (!answers && realm === undefined && maxClockSkewSeconds === undefined) return undefined
  if (!seen) return reason
  const found = [
    realm === undefined ? undefined : realmViolation(realm, seen.realm),
    maxClockSkewSeconds === undefined ? undefined : clockViolation(maxClockSkewSeconds, seen.clock),
  ].filter((one) => one !== undefined)
  // What is proven to be wrong counts before what is not known.
  const violated = found.find((one) => one === 'kerberos-realm-not-served' || one === 'kerberos-clock-skewed')
  return violated ?? (found.length > 0 && mayHaveMissed(reason) ? reason : found[0])
}

const kerberosGroup: ExpectationGroup<typeof KerberosExpectation, KerberosFacts, KerberosReason> = {
  schema: KerberosExpectation,
  violation,
  contradictions: ({ realm, askKrbtgt }) =>
    askKrbtgt !== undefined && realm === undefined
      ? [{ pointer: '/askKrbtgt', message: 'needs `realm`: it asks whether the KDC serves that realm' }]
      : [],
}

/** Kerberos up to the first response of the KDC. */
export const kerberos = defineProtocol({
  name: 'kerberos',
  defaultPort: 88,
  transports: ['tcp', 'udp'],
  facts: KerberosFacts,
  expects: { kerberos: kerberosGroup },
  options: closedObject({
    ...transportOption,
    realm: Type.Optional(Realm),
    askKrbtgt: Type.Optional(
      Type.Boolean({
        description: 'Ask for `krbtgt`, which every realm has, if a made-up client does not show the realm',
      }),
    ),
    maxClockSkewSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: maxSkewSeconds })),
  }),
  optionsFor: ({ kerberos: demand }) => ({
    realm: demand?.realm,
    askKrbtgt: demand?.askKrbtgt,
    maxClockSkewSeconds: demand?.maxClockSkewSeconds,
  }),
  awaits: () => 'response of a KDC',
  reasons,
  modules: {},
  significance: { 'kerberos/realm': 'alert', 'kerberos/clock': 'alert', 'kerberos/encryptionTypes': 'notice' },
})
