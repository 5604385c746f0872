import { isIP } from 'node:net'
import { type Static, Type } from 'typebox'
import { isPlainText, plainText } from '../../encoding/text.ts'
import type { ValidationIssue } from '../errors.ts'
import { maxAddresses, maxFactsSize, sizeOf } from '../findings/bounds.ts'
import { canonicalAddress } from '../findings/endpoint.ts'
import { isSilent, maxCompanions } from '../findings/host-response.ts'
import type { Observation } from '../findings/observation.ts'
import { type ReasonCode, reasonCodes, reasons } from '../findings/reasons.ts'
import { type State, states } from '../findings/state.ts'
import { checkPlainLeaf, checkShape, closedObject, isRecord, issueAt, type Leaf, under } from '../policy/shape.ts'
import { Port } from '../policy/values.ts'
import { optionProperties, protocolNames, protocols } from '../protocols/index.ts'

/** One check for an agent, without the expectation. */
export const LeasedCheck = closedObject({
  probe: Type.Enum(protocolNames),
  host: Type.String({ minLength: 1, maxLength: 253, examples: ['10.20.0.11'] }),
  port: Port,
  options: closedObject(optionProperties),
  companions: Type.Optional(
    Type.Array(Port, {
      maxItems: maxCompanions,
      description:
        'Other ports of the host. If the port is silent and no other check of the lease shows that its address responds, a TCP connection to these ports does; only for agents that request `companions`',
    }),
  ),
})
export type LeasedCheck = Static<typeof LeasedCheck>

/** Batch and job id; another lease has another id. */
export const leaseId = '^[1-9][0-9]{0,9}\\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
export const nameLease = (batch: number, job: string): string => `${batch}.${job}`
export const batchOf = (lease: string): string => lease.slice(0, lease.indexOf('.'))
export const jobOf = (lease: string): string => lease.slice(lease.indexOf('.') + 1)

/** A leased batch, alive by heartbeats until it is delivered. */
export const Lease = closedObject({
  id: Type.String({ pattern: leaseId, examples: ['17.019b7600-0000-7000-8000-000000000000'] }),
  heartbeatSeconds: Type.Number({
    minimum: 1,
    description:
      'Maximum seconds between heartbeats. Without one for 10 seconds the lease ends, and the batch is leased to the agent that waits for one',
  }),
  checks: Type.Array(LeasedCheck),
  bindSalt: Type.Optional(
    Type.String({
      pattern: '^[0-9a-f]{64}$',
      description: 'The key of the digests of accounts and credentials, where a check needs a credential',
      examples: ['5f'.repeat(32)],
    }),
  ),
})
export type Lease = Static<typeof Lease>

/** Set by the service, never by a probe. */
const serviceReasons: ReadonlySet<ReasonCode> = new Set<ReasonCode>([
  'vantage-offline',
  'vantage-absent',
  'vantage-removed',
  'audit-deadline',
  'audit-canceled',
  'agent-outdated',
  'batch-failed',
  'observation-refused',
])
/** The reasons that a probe can give; agents do not judge. */
export const probeReasons = reasonCodes.filter((code) => reasons[code].about !== 'rule' && !serviceReasons.has(code))

const DeliveredAddressResult = closedObject({
  address: Type.Union([Type.String({ maxLength: 45 }), Type.Null()]),
  state: Type.Enum([...states]),
  reason: Type.Enum(probeReasons),
  rejectedBy: Type.Optional(
    Type.String({ maxLength: 45, description: 'The sender of the deciding ICMP message', examples: ['10.20.0.11'] }),
  ),
  facts: Type.Object({}, { additionalProperties: true, description: "The facts of the check's probe, as in Evidence" }),
  hostAnswered: Type.Optional(
    Type.Boolean({ description: 'Of a silent port (`no-response`): whether the address responded on another port' }),
  ),
  waitedMs: Type.Optional(
    Type.Number({
      minimum: 0,
      maximum: 3_600_000,
      description: 'Of an open port: milliseconds of the last wait that ended without what the protocol needs',
    }),
  ),
  latencyMs: Type.Union([Type.Number({ minimum: 0, maximum: 3_600_000 }), Type.Null()]),
  attempts: Type.Integer({ minimum: 0, maximum: 1_000 }),
})

const DeliveredObservation = closedObject({
  check: Type.Integer({ minimum: 0, maximum: 99_999, description: 'Index into the checks of the lease' }),
  observedAt: Type.String({ format: 'date-time', maxLength: 40 }),
  addressResults: Type.Array(DeliveredAddressResult, { minItems: 1, maxItems: maxAddresses + 1 }),
})
type DeliveredObservation = Static<typeof DeliveredObservation>

/** What an agent delivers for a lease. */
export const Delivery = closedObject({
  online: Type.Boolean({
    description: 'False if no canary of the vantage responded; the observations are then ignored',
  }),
  observations: Type.Array(DeliveredObservation, {
    maxItems: 100_000,
    description: 'One for each check; empty if the vantage is offline',
  }),
})
export type Delivery = Static<typeof Delivery>

/** Of a delivery whose observations are still to be checked, one by one. */
export const DeliveryEnvelope = closedObject({
  ...Delivery.properties,
  observations: Type.Array(Type.Unknown(), { maxItems: 100_000 }),
})
export type DeliveryEnvelope = Static<typeof DeliveryEnvelope>

/** The valid observations in the order of the checks, and why the others are not. */
export interface ReadDelivery {
  /** Undefined where the delivery holds no valid observation of the check. */
  observations: (Observation | undefined)[]
  /** Pointers into the delivery. */
  issues: ValidationIssue[]
}

type LeasedEndpoint = Pick<LeasedCheck, 'probe' | 'host' | 'port'> & { options?: object }

/**
 * Reads a delivery: one observation for each check, with bounded facts of its probe. An issue concerns one observation: it
 * never rejects the others. In steps, one for each observation. Clamps times to `from` and `until`, because the agent's clock is not trusted.
 */
export function* readDelivery(
  checks: readonly LeasedEndpoint[],
  { observations }: DeliveryEnvelope,
  { from, until }: { from: Date; until: Date },
): Generator<void, ReadDelivery> {
  const read: (Observation | undefined)[] = checks.map(() => undefined)
  const issues: ValidationIssue[] = []
  const byCheck = Map.groupBy(observations, (delivered) => (isRecord(delivered) ? delivered.check : undefined))
  for (const [i, delivered] of observations.entries()) {
    if (i > 0) yield
    const found = issuesOf(delivered, checks)
    const { check } = (isRecord(delivered) ? delivered : {}) as DeliveredObservation
    // Neither of two is believed: they may differ.
    if (found.length === 0 && byCheck.get(check)?.length !== 1)
      found.push({ pointer: '/check', message: 'must not repeat: one observation for each check' })
    issues.push(...found.map(under(['observations', i])))
    const leased = checks[check]
    if (!leased || found.length > 0) continue
    const { observedAt, addressResults } = delivered as DeliveredObservation
    const at = Math.min(Math.max(Date.parse(observedAt), from.getTime()), until.getTime())
    const { probe, host, port, options } = leased
    const ports = setOf(options)
    read[check] = {
      probe,
      host,
      port,
      ...(ports && { ports }),
      observedAt: new Date(at).toISOString(),
      addressResults: addressResults as Observation['addressResults'],
    }
  }
  for (const check of checks.keys())
    if (!byCheck.has(check))
      issues.push({ pointer: '/observations', message: `must hold an observation of check ${check}` })
  return { observations: read, issues }
}

function issuesOf(delivered: unknown, checks: readonly LeasedEndpoint[]): ValidationIssue[] {
  const malformed = checkShape(DeliveredObservation, delivered)
  if (malformed.length > 0) return malformed
  const { check, observedAt, addressResults } = delivered as DeliveredObservation
  const leased = checks[check]
  if (!leased) return [{ pointer: '/check', message: 'must be the index of a check of this lease' }]
  if (Number.isNaN(Date.parse(observedAt))) return [{ pointer: '/observedAt', message: 'must be an RFC 3339 time' }]
  if (addressResults.reduce((sum, { facts }) => sum + sizeOf(facts), 0) > maxFactsSize)
    return [{ pointer: '/addressResults', message: `must hold facts of at most ${maxFactsSize} characters` }]
  const found = addressResults.flatMap((addressResult, j) =>
    addressResultIssues(leased, addressResult).map(under(['addressResults', j])),
  )
  return found.length > 0 ? found : repeatedAddresses(addressResults)
}

type AddressResults = DeliveredObservation['addressResults']

function repeatedAddresses(addressResults: AddressResults): ValidationIssue[] {
  const distinct = new Set(addressResults.map(({ address }) => address && canonicalAddress(address)))
  if (distinct.size === addressResults.length) return []
  return [{ pointer: '/addressResults', message: 'must not repeat an address, also not in another spelling' }]
}

/** The states of reasons that belong to one; the others go with `open`, and some with `unknown`. */
const stateOf: Partial<Record<ReasonCode, State>> = {
  'connection-refused': 'closed',
  'icmp-port-unreachable': 'closed',
  'no-response': 'filtered',
  'icmp-prohibited': 'filtered',
  'icmp-unreachable': 'unreachable',
  'icmp-not-forwarded': 'unreachable',
  'host-unreachable': 'unreachable',
  'network-unreachable': 'unreachable',
  'name-not-found': 'unresolved',
  'no-address-of-family': 'unresolved',
  'invalid-host': 'unknown',
  'egress-denied': 'unknown',
  'ip-family-missing': 'unknown',
}

/** The set of ports of a check. */
const setOf = (options: object | undefined): string[] | undefined =>
  options && 'ports' in options ? (options.ports as string[]) : undefined

/** What a probe never reports together. */
function contradiction(
  { host, options }: Pick<LeasedEndpoint, 'host' | 'options'>,
  result: AddressResults[number],
): ValidationIssue[] {
  const { address, state, reason, facts, hostAnswered, waitedMs } = result
  const isCertain = reasons[reason].about === 'peer' && reason !== 'response-too-large'
  const states: State[] = stateOf[reason] ? [stateOf[reason]] : isCertain ? ['open'] : ['open', 'unknown']
  if (!states.includes(state)) return [{ pointer: '/state', message: `must be ${states.join(' or ')} with ${reason}` }]
  if (hostAnswered !== undefined && !isSilent(result))
    return [{ pointer: '/hostAnswered', message: 'must be left out unless the reason is no-response' }]
  if (waitedMs !== undefined && state !== 'open')
    return [{ pointer: '/waitedMs', message: 'must be left out unless the state is open' }]
  if (state !== 'open' && !setOf(options) && Object.keys(facts).length > 0)
    return [{ pointer: '/facts', message: 'must be empty unless the state is open' }]
  const isUnnamed = state === 'unresolved' || reason === 'invalid-host'
  if (address === null && !isUnnamed && state !== 'unknown')
    return [{ pointer: '/address', message: `must be an address with the state ${state}` }]
  if (address !== null && isUnnamed) return [{ pointer: '/address', message: `must be null with ${reason}` }]
  if (address !== null && isIP(host) !== 0 && canonicalAddress(address) !== canonicalAddress(host))
    return [{ pointer: '/address', message: `must be ${host}, the address of the check` }]
  return []
}

/** The reasons that an ICMP message gives, so that its sender can be known. */
const icmpReasons: ReadonlySet<ReasonCode> = new Set<ReasonCode>([
  'icmp-port-unreachable',
  'icmp-prohibited',
  'icmp-not-forwarded',
  'host-unreachable',
  'network-unreachable',
])

const isAddress = (text: string) => isIP(text) !== 0 && !text.includes('%')

function addressResultIssues(
  { probe, host, options }: LeasedEndpoint,
  result: AddressResults[number],
): ValidationIssue[] {
  const { address, reason, rejectedBy, facts } = result
  if (address !== null && !isAddress(address))
    return [{ pointer: '/address', message: 'must be an IP address, or null' }]
  if (rejectedBy !== undefined && !isAddress(rejectedBy))
    return [{ pointer: '/rejectedBy', message: 'must be an IP address' }]
  if (rejectedBy !== undefined && !icmpReasons.has(reason))
    return [{ pointer: '/rejectedBy', message: `must be absent with ${reason}` }]
  const malformed = checkShape(protocols[probe].facts, facts, checkFact).map(under(['facts']))
  return malformed.length > 0 ? malformed : contradiction({ host, options }, result)
}

function checkFact(leaf: Leaf): ValidationIssue[] {
  const { value, path } = leaf
  if (typeof value === 'string' && !isPlainText(value)) return [issueAt(path, plainText)]
  return checkPlainLeaf(leaf)
}
