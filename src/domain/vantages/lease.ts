import { isIP } from 'node:net'
import { type Static, Type } from 'typebox'
import { pointerTo } from '../../encoding/json-pointer.ts'
import { isPlainText, plainText } from '../../encoding/text.ts'
import type { ValidationIssue } from '../errors.ts'
import type { AddressResult, Observation } from '../findings/observation.ts'
import { type ReasonCode, reasonCodes, reasons } from '../findings/reasons.ts'
import { states } from '../findings/state.ts'
import { checkPlainLeaf, checkShape, closedObject, type Leaf, under, type ValueIssue } from '../policy/shape.ts'
import { Port } from '../policy/values.ts'
import { optionProperties, type ProtocolName, protocolNames, protocols } from '../protocols/index.ts'

/** One check for an agent: it holds no expectation, only what the probe must examine. */
export const LeasedCheck = closedObject({
  probe: Type.Enum(protocolNames),
  host: Type.String({ minLength: 1, maxLength: 253, examples: ['10.0.0.5'] }),
  port: Port,
  options: closedObject(optionProperties),
})
export type LeasedCheck = Static<typeof LeasedCheck>

/** The form of the id of a lease: the batch that it is for, and the job that stands for it. A batch that is leased again has another. */
export const leaseId = '^[1-9][0-9]{0,9}\\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
export const nameLease = (batch: number, job: string): string => `${batch}.${job}`
export const batchOf = (lease: string): string => lease.slice(0, lease.indexOf('.'))
export const jobOf = (lease: string): string => lease.slice(lease.indexOf('.') + 1)

/** A batch on loan: whoever holds it keeps it alive until its observations are delivered. */
export const Lease = closedObject({
  id: Type.String({ pattern: leaseId, examples: ['17.019b7600-0000-7000-8000-000000000000'] }),
  heartbeatSeconds: Type.Number({
    minimum: 1,
    description: 'Not heard of for three times as long, the lease ends and the batch is leased again',
  }),
  checks: Type.Array(LeasedCheck),
})
export type Lease = Static<typeof Lease>

/** Written by the service itself, never by a probe. */
const ofTheService: ReadonlySet<ReasonCode> = new Set<ReasonCode>([
  'vantage-offline',
  'vantage-absent',
  'audit-deadline',
  'audit-canceled',
  'batch-failed',
])
/** The reasons that a probe can give: what a rule makes of them is not an agent's to say. */
export const probeReasons = reasonCodes.filter((code) => reasons[code].about !== 'rule' && !ofTheService.has(code))

const SeenAtAddress = closedObject({
  address: Type.Union([Type.String({ maxLength: 45 }), Type.Null()]),
  state: Type.Enum([...states]),
  reason: Type.Enum(probeReasons),
  facts: Type.Object({}, { additionalProperties: true, description: "The facts of the check's probe, as in Evidence" }),
  latencyMs: Type.Union([Type.Number({ minimum: 0, maximum: 3_600_000 }), Type.Null()]),
  attempts: Type.Integer({ minimum: 0, maximum: 1_000 }),
})

/** What an agent delivers for a lease. */
export const Delivery = closedObject({
  online: Type.Boolean({ description: 'False: the canaries of the vantage did not answer, so nothing is believed' }),
  observations: Type.Array(
    closedObject({
      check: Type.Integer({ minimum: 0, description: 'Index into the checks of the lease' }),
      observedAt: Type.String({ format: 'date-time', maxLength: 40 }),
      addressResults: Type.Array(SeenAtAddress, { minItems: 1, maxItems: 64 }),
    }),
    { maxItems: 100_000, description: 'One for each check; none where the vantage is not online' },
  ),
})
export type Delivery = Static<typeof Delivery>

const maxFactsLength = 65_536

/**
 * Makes observations of what an agent delivered, in the order of the checks, or says all that is wrong with it: one for each
 * check, facts of its probe alone, sizes bounded. Its clock is not trusted: no look was made before `from` or after `until`.
 */
export function readDelivery(
  checks: readonly { probe: ProtocolName; host: string; port: number }[],
  { observations }: Delivery,
  { from, until }: { from: Date; until: Date },
): { observations: Observation[] } | { issues: ValidationIssue[] } {
  const read: Observation[] = []
  const issues: ValidationIssue[] = []
  for (const [i, { check, observedAt, addressResults }] of observations.entries()) {
    const asked = checks[check]
    const wrong = wrongWith(asked, { addressResults, repeated: read[check] !== undefined })
    for (const { path, message } of wrong.map(under(['observations', i])))
      issues.push({ pointer: pointerTo(path), message })
    const [first, ...rest] = addressResults as AddressResult[]
    if (!asked || !first || wrong.length > 0) continue
    const at = Math.min(Math.max(Date.parse(observedAt), from.getTime()), until.getTime())
    const { probe, host, port } = asked
    read[check] = { probe, host, port, observedAt: new Date(at).toISOString(), addressResults: [first, ...rest] }
  }
  const missing = checks.findIndex((_, i) => !read[i])
  if (issues.length === 0 && missing >= 0)
    issues.push({ pointer: '/observations', message: `holds no observation of check ${missing}` })
  return issues.length > 0 ? { issues } : { observations: read }
}

type AddressResults = Delivery['observations'][number]['addressResults']

function wrongWith(
  asked: { probe: ProtocolName } | undefined,
  { addressResults, repeated }: { addressResults: AddressResults; repeated: boolean },
): ValueIssue[] {
  if (!asked) return [{ path: ['check'], message: 'is not a check of this lease' }]
  if (repeated) return [{ path: ['check'], message: 'was observed already: one observation for each check' }]
  if (new Set(addressResults.map(({ address }) => address)).size < addressResults.length)
    return [{ path: ['addressResults'], message: 'must not repeat an address' }]
  return addressResults.flatMap((addressResult, j) =>
    wrongIn(asked.probe, addressResult).map(under(['addressResults', j])),
  )
}

function wrongIn(probe: ProtocolName, { address, facts }: AddressResults[number]): ValueIssue[] {
  if (address !== null && (isIP(address) === 0 || address.includes('%')))
    return [{ path: ['address'], message: 'must be an IP address, or null' }]
  if (JSON.stringify(facts).length > maxFactsLength)
    return [{ path: ['facts'], message: `must be at most ${maxFactsLength} characters long` }]
  return checkShape(protocols[probe].facts, facts, checkFact).map(under(['facts']))
}

function checkFact(leaf: Leaf): ValueIssue[] {
  const { value, path } = leaf
  if (typeof value === 'string' && !isPlainText(value)) return [{ path, message: plainText }]
  return checkPlainLeaf(leaf)
}
