import { isIP } from 'node:net'
import { type Static, Type } from 'typebox'
import { isPlainText, plainText } from '../../encoding/text.ts'
import type { ValidationIssue } from '../errors.ts'
import type { AddressResult, Observation } from '../findings/observation.ts'
import { type ReasonCode, reasonCodes, reasons } from '../findings/reasons.ts'
import { states } from '../findings/state.ts'
import { checkPlainLeaf, checkShape, closedObject, issueAt, type Leaf, under } from '../policy/shape.ts'
import { Port } from '../policy/values.ts'
import { optionProperties, type ProtocolName, protocolNames, protocols } from '../protocols/index.ts'

/** One check for an agent, without the expectation. */
export const LeasedCheck = closedObject({
  probe: Type.Enum(protocolNames),
  host: Type.String({ minLength: 1, maxLength: 253, examples: ['10.20.0.11'] }),
  port: Port,
  options: closedObject(optionProperties),
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
    description: 'Maximum seconds between heartbeats; after three missed ones the batch is leased again',
  }),
  checks: Type.Array(LeasedCheck),
})
export type Lease = Static<typeof Lease>

/** Set by the service, never by a probe. */
const serviceReasons: ReadonlySet<ReasonCode> = new Set<ReasonCode>([
  'vantage-offline',
  'vantage-absent',
  'audit-deadline',
  'audit-canceled',
  'batch-failed',
])
/** The reasons that a probe can give; agents do not judge. */
export const probeReasons = reasonCodes.filter((code) => reasons[code].about !== 'rule' && !serviceReasons.has(code))

const DeliveredAddressResult = closedObject({
  address: Type.Union([Type.String({ maxLength: 45 }), Type.Null()]),
  state: Type.Enum([...states]),
  reason: Type.Enum(probeReasons),
  facts: Type.Object({}, { additionalProperties: true, description: "The facts of the check's probe, as in Evidence" }),
  latencyMs: Type.Union([Type.Number({ minimum: 0, maximum: 3_600_000 }), Type.Null()]),
  attempts: Type.Integer({ minimum: 0, maximum: 1_000 }),
})

/** What an agent delivers for a lease. */
export const Delivery = closedObject({
  online: Type.Boolean({
    description: 'False if no canary of the vantage responded; the observations are then ignored',
  }),
  observations: Type.Array(
    closedObject({
      check: Type.Integer({ minimum: 0, maximum: 99_999, description: 'Index into the checks of the lease' }),
      observedAt: Type.String({ format: 'date-time', maxLength: 40 }),
      addressResults: Type.Array(DeliveredAddressResult, { minItems: 1, maxItems: 64 }),
    }),
    { maxItems: 100_000, description: 'One for each check; empty if the vantage is offline' },
  ),
})
export type Delivery = Static<typeof Delivery>

const maxFactsLength = 65_536

/**
 * Validates a delivery: one observation for each check, with bounded facts of its probe. Returns them in the order of the
 * checks, or every issue. Clamps times to `from` and `until`, because the agent's clock is not trusted.
 */
export function readDelivery(
  checks: readonly { probe: ProtocolName; host: string; port: number }[],
  { observations }: Delivery,
  { from, until }: { from: Date; until: Date },
): { observations: Observation[] } | { issues: ValidationIssue[] } {
  const read: Observation[] = []
  const issues: ValidationIssue[] = []
  for (const [i, { check, observedAt, addressResults }] of observations.entries()) {
    const leased = checks[check]
    const found = issuesOf(leased, { addressResults, repeated: read[check] !== undefined })
    issues.push(...found.map(under(['observations', i])))
    const [first, ...rest] = addressResults as AddressResult[]
    if (!leased || !first || found.length > 0) continue
    const at = Math.min(Math.max(Date.parse(observedAt), from.getTime()), until.getTime())
    const { probe, host, port } = leased
    read[check] = { probe, host, port, observedAt: new Date(at).toISOString(), addressResults: [first, ...rest] }
  }
  const missing = checks.findIndex((_, i) => !read[i])
  if (issues.length === 0 && missing >= 0)
    issues.push({ pointer: '/observations', message: `must hold an observation of check ${missing}` })
  return issues.length > 0 ? { issues } : { observations: read }
}

type AddressResults = Delivery['observations'][number]['addressResults']

function issuesOf(
  leased: { probe: ProtocolName } | undefined,
  { addressResults, repeated }: { addressResults: AddressResults; repeated: boolean },
): ValidationIssue[] {
  if (!leased) return [{ pointer: '/check', message: 'must be the index of a check of this lease' }]
  if (repeated) return [{ pointer: '/check', message: 'must not repeat: one observation for each check' }]
  if (new Set(addressResults.map(({ address }) => address)).size < addressResults.length)
    return [{ pointer: '/addressResults', message: 'must not repeat an address' }]
  return addressResults.flatMap((addressResult, j) =>
    addressResultIssues(leased.probe, addressResult).map(under(['addressResults', j])),
  )
}

function addressResultIssues(probe: ProtocolName, { address, facts }: AddressResults[number]): ValidationIssue[] {
  if (address !== null && (isIP(address) === 0 || address.includes('%')))
    return [{ pointer: '/address', message: 'must be an IP address, or null' }]
  if (JSON.stringify(facts).length > maxFactsLength)
    return [{ pointer: '/facts', message: `must be at most ${maxFactsLength} characters long` }]
  return checkShape(protocols[probe].facts, facts, checkFact).map(under(['facts']))
}

function checkFact(leaf: Leaf): ValidationIssue[] {
  const { value, path } = leaf
  if (typeof value === 'string' && !isPlainText(value)) return [issueAt(path, plainText)]
  return checkPlainLeaf(leaf)
}
