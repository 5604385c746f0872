import type { Static, TSchema } from 'typebox'
import type { SharedReason } from '../findings/shared-reasons.ts'
import { dns } from './dns.ts'
import { https } from './https.ts'
import { kerberos } from './kerberos.ts'
import { ldap } from './ldap.ts'
import { mssql } from './mssql.ts'
import type { AnyProtocol, Demand, Transport } from './protocol.ts'
import { rdp } from './rdp.ts'
import { redis } from './redis.ts'
import { smb } from './smb.ts'
import { smtp } from './smtp.ts'
import { ssh } from './ssh.ts'
import { tcp } from './tcp.ts'
import { tls } from './tls.ts'
import { udp } from './udp.ts'

/** The table of protocols: everything that depends on the protocol of a check derives from it. */
export const protocols = {
  tcp,
  tls,
  https,
  ssh,
  ldap,
  smtp,
  smb,
  kerberos,
  rdp,
  dns,
  mssql,
  redis,
  udp,
} as const satisfies { readonly [Name in string]: AnyProtocol }

type Protocols = typeof protocols
/** Also the name of its probe. */
export type ProtocolName = keyof Protocols
export const protocolNames = Object.keys(protocols) as ProtocolName[]
/** The same table with one type for all descriptors. */
export const anyProtocols: { readonly [Name in ProtocolName]: AnyProtocol } = protocols

/** The protocol of that name; a policy that a newer version stored may name an unknown one. */
export const findProtocol = (name: string): AnyProtocol | undefined =>
  Object.hasOwn(protocols, name) ? anyProtocols[name as ProtocolName] : undefined

/** What may carry a protocol, the usual first. */
export const transportsOf = (probe: string): readonly Transport[] => findProtocol(probe)?.transports ?? ['tcp']

/** What carries a check with these options, or a rule. */
export const transportOf = (probe: string, options: object): Transport =>
  ('transport' in options && transportsOf(probe).find((one) => one === options.transport)) ||
  (transportsOf(probe)[0] ?? 'tcp')

export type FactsByProtocol = { [Name in ProtocolName]: Static<Protocols[Name]['facts']> }
export type OptionsByProtocol = { [Name in ProtocolName]: Static<Protocols[Name]['options']> }

type UnionToIntersection<U> = (U extends unknown ? (each: U) => void : never) extends (all: infer I) => void ? I : never
type Groups = UnionToIntersection<Protocols[ProtocolName]['expects']>
export type GroupName = keyof Groups & string
/** The schema of each group that a protocol takes. */
export type GroupSchemas = { [Name in GroupName]: Groups[Name] extends { schema: infer S extends TSchema } ? S : never }
/** Every group by name, in table order. */
export const groups = Object.assign({}, ...protocolNames.map((name) => protocols[name].expects)) as {
  readonly [Name in GroupName]: { schema: GroupSchemas[Name] }
}
export const groupNames = Object.keys(groups) as GroupName[]
/** What a rule may demand, group by group. */
export type Demands = { [Name in GroupName]?: Demand<GroupSchemas[Name]> }

type OptionProperties = UnionToIntersection<Protocols[ProtocolName]['options']['properties']>
/** The options of all probes; names are shared. */
export const optionProperties = Object.assign(
  {},
  ...protocolNames.map((name) => protocols[name].options.properties),
) as OptionProperties

export type ModuleName = { [Name in ProtocolName]: keyof Protocols[Name]['modules'] }[ProtocolName] & string
export type ProtocolReason = { [Name in ProtocolName]: keyof Protocols[Name]['reasons'] }[ProtocolName] & string
export type ReasonCode = SharedReason | ProtocolReason
