import { type Static, type TObject, type TSchema, Type } from 'typebox'
import type { ValidationIssue } from '../errors.ts'
import type { Reasons } from '../findings/shared-reasons.ts'
import type { State } from '../findings/state.ts'
import type { Evaluated } from '../policy/values.ts'

export const transports = ['tcp', 'udp'] as const
export type Transport = (typeof transports)[number]

/** The option of a protocol that two transports carry. */
export const transportOption = {
  transport: Type.Optional(Type.Enum([...transports], { description: 'What carries it; default: TCP' })),
}

/** What one address showed. */
export interface Seen<Facts, Code extends string = string> {
  state: State
  reason: Code
  facts: Facts
  /** Milliseconds since the epoch. */
  observedAt: number
}

/** The demand of a resolved rule. */
export type Demand<Schema extends TSchema> = Evaluated<Static<Schema>>

/** A group of an expectation, such as `tls`: what a rule may demand of an open port. Several protocols may take the same. */
export interface ExpectationGroup<Schema extends TObject, Facts, Own extends string> {
  schema: Schema
  /** Why the facts do not meet the demand: a reason of the group, or the one that the probe gave. */
  violation: <Code extends string>(demand: Demand<Schema>, seen: Seen<Facts, Code>) => Own | Code | undefined
  /** What contradicts itself in an expectation as written; pointers start at the group. */
  contradictions?: (demand: Record<string, unknown>, expect: Record<string, unknown>) => ValidationIssue[]
}

/** A module of blackbox_exporter that `/probe` offers under its name. */
export interface ProbeModule<Facts> {
  /** Default: none. */
  options?: object
  succeeds: (seen: Seen<Facts>) => boolean
  /** The peer spoke, and not what the module waits for. */
  misspoke?: (seen: Seen<Facts>) => boolean
}

/** How much the change of a fact matters; a fact that is not listed is `info`. */
export type FactSignificance = 'notice' | 'alert'

/** The paths of facts, such as `certificate/issuer`. */
type FactPath<Facts> = Facts extends readonly unknown[]
  ? never
  : Facts extends object
    ? { [K in keyof Facts & string]: K | `${K}/${FactPath<NonNullable<Facts[K]>>}` }[keyof Facts & string]
    : never
export type SignificanceOf<Facts> = { readonly [path in FactPath<Facts>]?: FactSignificance }

interface AnyGroup<Facts> {
  schema: TObject
  violation: (demand: never, seen: Seen<Facts>) => string | undefined
  contradictions?: ExpectationGroup<TObject, Facts, string>['contradictions']
}
type Groups<Facts> = Readonly<Record<string, AnyGroup<Facts>>>
type Expect<G> = { [Name in keyof G]?: G[Name] extends { schema: infer S extends TSchema } ? Demand<S> : never }

/** `harmless`: not accepted, and no failed logon for the directory. `unknown`: no result. */
export type BindOutcome = 'accepted' | 'refused' | 'harmless' | 'unknown'

/** All that the service knows of a protocol. */
export interface Protocol<
  Name extends string,
  Facts extends TObject,
  G extends Groups<Static<Facts>>,
  Options extends TObject,
  Own extends Reasons,
  Module extends string,
> {
  name: Name
  /** For rules that give no port. */
  defaultPort?: number
  /** What carries it, the usual first; default: TCP alone. */
  transports?: readonly Transport[]
  /** Stable values only: equal facts mean no change. */
  facts: Facts
  expects: G
  /** What the probe examines on demand; every option is optional. */
  options: Options
  optionsFor: (expect: Expect<G>) => Static<Options>
  /** What a probe that saw these facts waited for in vain: the noun of "connected, no … within 6 s". */
  awaits: (facts: Static<Facts>) => string
  /** The reasons that this protocol alone defines. */
  reasons: Own
  /** What became of a credential that the probe was given. */
  bindOutcome?: (seen: Pick<Seen<Static<Facts>>, 'reason' | 'facts'>) => BindOutcome
  /** Modules of `/probe` by the names that blackbox_exporter's users know. */
  modules: Readonly<Record<Module, ProbeModule<Static<Facts>>>>
  significance: SignificanceOf<Static<Facts>>
}

/** Any protocol of the table. */
export interface AnyProtocol {
  name: string
  defaultPort?: number
  transports?: readonly Transport[]
  facts: TObject
  expects: Groups<never>
  options: TObject
  optionsFor: (expect: never) => object
  awaits: (facts: never) => string
  reasons: Reasons
  bindOutcome?: (seen: { reason: string; facts: never }) => BindOutcome
  modules: Readonly<Record<string, ProbeModule<never>>>
  significance: Readonly<Record<string, FactSignificance | undefined>>
}

/** Checks the parts of a descriptor against each other. */
export const defineProtocol = <
  const Name extends string,
  Facts extends TObject,
  const G extends Groups<Static<Facts>>,
  Options extends TObject,
  const Own extends Reasons,
  Module extends string,
>(
  protocol: Protocol<Name, Facts, G, Options, Own, Module>,
) => protocol

export const texts = Type.Array(Type.String())

/** The facts that `boundFacts` left out, by their paths. */
export const omitted = Type.Optional(
  Type.Array(Type.String(), {
    description: 'Lists that were larger than an observation may be, by their paths: observed and not kept',
    examples: [['certificate/sans']],
  }),
)

/** The fact of an unexpected peer. */
export const spoke = Type.Optional(
  Type.Enum(['http', 'ssh', 'smtp', 'other', 'nothing'], {
    description: 'What the peer spoke instead of the protocol, by its first bytes',
  }),
)
