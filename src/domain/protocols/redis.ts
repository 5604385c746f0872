import { type Static, Type } from 'typebox'
import type { Reasons, SharedReason } from '../findings/shared-reasons.ts'
import { closedObject } from '../policy/shape.ts'
import { Flag, optional } from '../policy/values.ts'
import { type Demand, defineProtocol, type ExpectationGroup, type Seen } from './protocol.ts'
import { TlsFacts, tlsGroup, tlsOptions, tlsOptionsFor, tlsSignificance } from './tls.ts'

/** Those of TLS are of a port that speaks nothing else. */
const RedisFacts = closedObject({
  ...TlsFacts.properties,
  redis: Type.Optional(
    closedObject({
      encryption: Type.Enum(['none', 'tls'], { description: '`none`: the port responded to PING in clear' }),
      authentication: Type.Optional(
        Type.Enum(['required', 'none', 'protected-mode'], {
          description:
            '`none`: PING was served without a logon. `protected-mode`: there is no password, and clients of other hosts are refused',
        }),
      ),
      error: Type.Optional(
        Type.String({ description: 'The code of another error in response to PING', examples: ['LOADING'] }),
      ),
    }),
  ),
})
export type RedisFacts = Static<typeof RedisFacts>

const reasons = {
  'redis-authentication-required': {
    about: 'peer',
    message: 'The peer speaks Redis and serves nothing before a logon.',
  },
  'redis-without-authentication': {
    about: 'peer',
    message: 'The peer speaks Redis and serves commands without a logon.',
  },
  'redis-protected-mode': {
    about: 'peer',
    message: 'The peer speaks Redis, has no password, and refuses clients of other hosts (protected mode).',
  },
  'redis-refused': {
    about: 'peer',
    message:
      'The peer speaks Redis and refuses PING; the facts have the code. It does not say whether a logon is required.',
    undecided: true,
  },
  'redis-without-tls': { about: 'rule', message: 'The port serves Redis without encryption.' },
} as const satisfies Reasons
type RedisReason = keyof typeof reasons | SharedReason

const RedisExpectation = closedObject({
  speaks: optional(Flag),
  authentication: optional(Type.Literal('required')),
  encryption: optional(Type.Literal('required')),
})

function violation<Code extends string>(
  { speaks, authentication, encryption }: Demand<typeof RedisExpectation>,
  { facts: { redis: seen, protocol }, reason }: Seen<RedisFacts, Code>,
): RedisReason | Code | undefined {
  if (!speaks && !authentication && !encryption) return undefined
  // A peer that demands a certificate of its clients hides what it speaks.
  if (!seen) return protocol === undefined ? reason : 'facts-missing'
  if (encryption && seen.encryption === 'none') return 'redis-without-tls'
  return authentication && seen.authentication !== 'required' ? reason : undefined
}

const redisGroup: ExpectationGroup<typeof RedisExpectation, RedisFacts, RedisReason> = {
  schema: RedisExpectation,
  violation,
}

/** A port that responds in clear speaks no TLS. */
const tlsInRedis = {
  ...tlsGroup,
  violation: <Code extends string>(demand: Demand<typeof tlsGroup.schema>, seen: Seen<RedisFacts, Code>) => {
    const found = tlsGroup.violation(demand, seen)
    return found && seen.facts.redis?.encryption === 'none' ? 'redis-without-tls' : found
  },
}

/** PING without a logon, inside TLS where the port speaks nothing else; nothing is read or changed. */
export const redis = defineProtocol({
  name: 'redis',
  defaultPort: 6379,
  facts: RedisFacts,
  expects: { redis: redisGroup, tls: tlsInRedis },
  options: closedObject(tlsOptions),
  optionsFor: (expect) => tlsOptionsFor(expect.tls),
  awaits: ({ protocol }) => (protocol === undefined ? 'response to PING' : 'response to PING inside TLS'),
  reasons,
  modules: {},
  significance: { ...tlsSignificance, 'redis/authentication': 'alert', 'redis/encryption': 'alert' },
})
