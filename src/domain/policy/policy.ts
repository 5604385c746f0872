import { type Static, type TOptional, type TSchema, Type } from 'typebox'
import { families } from '../findings/counted-addresses.ts'
import { provenStates, type State } from '../findings/state.ts'
import {
  anyProtocols,
  type GroupName,
  type GroupSchemas,
  groupNames,
  groups,
  protocolNames,
} from '../protocols/index.ts'
import { transports } from '../protocols/protocol.ts'
import { PortItem } from './port-set.ts'
import { closedObject } from './shape.ts'
import { Comparison, type Evaluated, Flag, list, optional, Port, Scalar } from './values.ts'

export const severities = ['low', 'medium', 'high'] as const
export type Severity = (typeof severities)[number]
const parameterTypes = ['port', 'host', 'integer', 'boolean', 'text', 'choice', 'pem', 'credential'] as const
export type ParameterType = (typeof parameterTypes)[number]

export const nameSchema = (what: string, example = 'ssh-restricted') =>
  Type.String({
    pattern: '^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$',
    maxLength: 100,
    description: what,
    examples: [example],
  })
export const Zone = Type.String({
  pattern: '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$',
  maxLength: 50,
  description: 'client, server, support, untrusted…',
  examples: ['client'],
})
const Condition = Type.Union([Scalar, Comparison])

const groupSchemas = Object.fromEntries(
  groupNames.map((name) => [name, optional<TSchema>(groups[name].schema)]),
) as unknown as { [Name in GroupName]: TOptional<GroupSchemas[Name]> }

/** The groups come from the protocols that take them. */
export const Expectation = closedObject(
  {
    state: optional(
      // Versions that were stored before may hold the other states.
      Type.Array(Type.Enum<State[]>([...provenStates]), {
        minItems: 1,
        uniqueItems: true,
        description: 'Allowed states; default: open. A state that is unresolved or unknown never passes',
      }),
    ),
    hostAnswered: optional({
      ...Flag,
      description:
        'Silence counts as filtered only if the host responds on another port that the policy names; otherwise the finding is unknown',
    }),
    onlyOpen: optional(
      Type.Array(PortItem, {
        minItems: 1,
        maxItems: 100,
        description:
          'With `ports`, instead of `state`: the ports of the set that may be open. Every other one must not be; these need not be open either',
      }),
    ),
    ...groupSchemas,
  },
  { description: 'What must hold; everything that is named must' },
)

const From = Type.Array(Zone, {
  minItems: 1,
  maxItems: 20,
  uniqueItems: true,
  description: 'Zones; one finding for each vantage in them',
})

const defaultPorts = protocolNames.flatMap((name) => {
  const { defaultPort } = anyProtocols[name]
  return defaultPort === undefined ? [] : `${name} ${defaultPort}`
})

export const Rule = closedObject({
  id: nameSchema('Stays the same from version to version: history hangs on it'),
  title: Type.String({ minLength: 1, maxLength: 200 }),
  severity: Type.Enum([...severities]),
  direction: Type.Enum(['inbound', 'outbound'], { description: 'Seen from the target' }),
  from: From,
  indirect: optional(Type.Boolean({ description: 'Evidence from another zone is accepted, and flagged' })),
  when: optional(
    Type.Union([Condition, Type.Array(Condition, { minItems: 1, maxItems: 10 })], {
      description: 'Not applicable while this, or one of these, has no value, is false, or does not hold',
    }),
  ),
  probe: Type.Enum(protocolNames),
  host: optional(Type.String({ minLength: 1, maxLength: 253, description: "Default: the target's address" })),
  families: optional(
    Type.Array(Type.Enum([...families]), {
      minItems: 1,
      uniqueItems: true,
      description:
        'IP families whose addresses count, and every address of them does; default: the addresses that the vantage may and can reach',
    }),
  ),
  port: optional({ ...Port, description: `Default: that of the probe (${defaultPorts.join(', ')})` }),
  ports: optional(
    Type.Array(PortItem, {
      minItems: 1,
      maxItems: 100,
      description:
        'Of probe `tcp`, instead of `port`: ports and ranges, up to 1024 ports. The rule is judged on all of them, as one finding',
    }),
  ),
  transport: optional(
    Type.Enum([...transports], { description: 'For a probe that both carry: dns and kerberos; default: tcp' }),
  ),
  expect: Expectation,
  unlike: optional(
    closedObject(
      { from: { ...From, description: 'Zones; each of their vantages is the other side' }, expect: Expectation },
      {
        description:
          'A paired rule: from the zones in `from` the port must meet `expect`, and from these zones, in the same audit, this `expect`. Both are judged together, as one finding for each vantage in `from`; if an observation is missing, it is unknown',
      },
    ),
  ),
  insideWindow: optional(
    closedObject(
      { expect: Expectation },
      { description: 'Replaces `expect` for what is seen while an approved window is open for rule and target' },
    ),
  ),
  controls: optional(
    list(
      Type.String({
        pattern: '^[A-Za-z0-9.-]+:[A-Za-z0-9.()-]+$',
        maxLength: 100,
        description: 'FRAMEWORK:CONTROL',
        examples: ['NIST-800-53:AC-17'],
      }),
    ),
  ),
  rationale: optional(Type.String({ maxLength: 2000 })),
  remediation: optional(Type.String({ maxLength: 2000 })),
})

export const Parameter = closedObject({
  type: Type.Enum([...parameterTypes]),
  values: optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 100 }), {
      minItems: 1,
      maxItems: 100,
      uniqueItems: true,
      description: 'Of a choice',
    }),
  ),
  default: optional(Scalar),
  required: optional(Type.Boolean()),
  description: optional(Type.String({ maxLength: 500 })),
})

export const maxParameters = 200
/** What a parameter may be called. */
export const parameterName = '[a-zA-Z][a-zA-Z0-9]{0,63}'

const policy = <R extends TSchema>(rule: R) =>
  closedObject({
    name: nameSchema('Unique name of the policy'),
    title: Type.String({ minLength: 1, maxLength: 200 }),
    source: optional(Type.String({ maxLength: 500, description: 'Where the claims come from' })),
    base: optional(
      Type.String({
        maxLength: 120,
        pattern: '^[a-z0-9]([a-z0-9._-]*[a-z0-9])?(@[0-9]+)?$',
        description:
          'The policy version that this one was made from by `extends`; written by the service, without effect',
        examples: ['ssh-baseline@1'],
      }),
    ),
    parameters: optional(
      Type.Record(Type.String({ pattern: `^${parameterName}$` }), Parameter, {
        additionalProperties: false,
        maxProperties: maxParameters,
      }),
    ),
    windows: optional(
      closedObject({
        selfApproval: optional(
          Type.Boolean({ description: 'The requester of a window may approve it; default: false' }),
        ),
      }),
    ),
    rules: Type.Array(rule, { minItems: 1, maxItems: 500 }),
  })

/** A policy document whose rules still hold placeholders; policies/load.ts makes sure that they resolve. */
export const PolicyDocument = policy(
  Type.Unsafe<PolicyRule>(Type.Object({ id: Rule.properties.id }, { additionalProperties: true })),
)

/** A policy document in which every placeholder has its value. */
export const ResolvedPolicyDocument = policy(Rule)

export type Rule = Static<typeof Rule>
export type Expectation = Static<typeof Expectation>
export type Parameter = Static<typeof Parameter>
export type ParameterValue = string | number | boolean

/** What is the same for every target, so that a rule can be planned, counted and compared before a target is known. */
export const literalFields = [
  'id',
  'severity',
  'direction',
  'from',
  'indirect',
  'probe',
  'transport',
  'controls',
] as const
/** A rule as written, with placeholders such as `${sshPort}`. */
export type PolicyRule = Pick<Rule, (typeof literalFields)[number] | 'title' | 'rationale' | 'remediation'> & {
  when?: unknown
  host?: string
  port?: number | string
  ports?: (number | string)[]
  families?: string[]
  expect: Record<string, unknown>
  insideWindow?: { expect: Record<string, unknown> }
  /** Its zones are literal too. */
  unlike?: { from: string[]; expect: Record<string, unknown> }
}
export type PolicyDocument = Omit<Static<typeof ResolvedPolicyDocument>, 'rules'> & { rules: PolicyRule[] }

/** A rule for one target: it applies, its placeholders have their values, its comparisons are booleans. */
export type ResolvedRule = Evaluated<Omit<Rule, 'when' | 'port'>> & {
  /** Of a set of ports: the first of them. */
  port: number
  /** Of a planned rule: other ports of the host, see `companionsOf`. */
  companions?: number[]
}
export type ResolvedExpectation = ResolvedRule['expect']
