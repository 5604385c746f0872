import { pointerTo } from '../../encoding/json-pointer.ts'
import type { Evidence } from '../findings/evidence.ts'
import type { Result } from '../findings/judge.ts'
import { describeReason, type ReasonCode } from '../findings/reasons.ts'
import type { State } from '../findings/state.ts'

export const driftClasses = [
  'regressed',
  'recovered',
  'changed',
  'obscured',
  'clarified',
  'appeared',
  'vanished',
] as const
export type DriftClass = (typeof driftClasses)[number]
export const driftCauses = ['environment', 'policy', 'scope'] as const
export type DriftCause = (typeof driftCauses)[number]

/** The outcome of a series at one point in time. */
export interface SeriesOutcome {
  result: Result
  state: State
  reason: ReasonCode
  evidence: unknown
}

/** An outcome with the policy version that judged it. */
export interface SeriesState extends SeriesOutcome {
  policyVersion: number
}

/** The form of an outcome in reports. */
export const showOutcome = ({ result, state, reason, evidence }: SeriesOutcome) => ({
  result,
  state,
  reason: describeReason(reason, evidence as Evidence | null),
})

/** A changed field; an absent side is null. */
export interface FieldChange {
  path: string
  before: unknown
  after: unknown
}

const known = (result: Result) => result === 'pass' || result === 'fail'
const outOfScope = (result: Result | undefined) => result === undefined || result === 'notapplicable'

/** Whether an absent series was untested, not out of scope. */
interface Absence {
  untested: boolean
}

/**
 * The class of a difference between two results of a series, each undefined if absent.
 * Undefined if the difference is not drift.
 */
export function classify(
  before: Result | undefined,
  after: Result | undefined,
  { untested }: Absence,
): DriftClass | undefined {
  if (untested && before && !after) return known(before) ? 'obscured' : undefined
  if (untested && after && !before) return known(after) ? 'clarified' : undefined
  if (outOfScope(before) || outOfScope(after)) {
    if (outOfScope(before) === outOfScope(after)) return undefined
    return outOfScope(before) ? 'appeared' : 'vanished'
  }
  if (!before || !after) return undefined
  if (known(before) && !known(after)) return 'obscured'
  if (!known(before) && known(after)) return 'clarified'
  if (before === 'pass' && after === 'fail') return 'regressed'
  if (before === 'fail' && after === 'pass') return 'recovered'
  return 'changed'
}

/** `policy`: same facts, other version. `scope`: came or went. */
export function causeOf(
  before: SeriesState | undefined,
  after: SeriesState | undefined,
  { untested }: Absence,
): DriftCause {
  if (untested && (!before || !after)) return 'environment'
  if (!before || !after || outOfScope(before.result) || outOfScope(after.result)) return 'scope'
  // Without facts (null) nothing was judged.
  const sameFacts = before.evidence !== null && compareValues(before.evidence, after.evidence, '').length === 0
  return sameFacts && before.policyVersion !== after.policyVersion ? 'policy' : 'environment'
}

/** The changed fields, in the order of their paths. */
export function compareFields(before: SeriesOutcome | undefined, after: SeriesOutcome | undefined): FieldChange[] {
  const view = (side: SeriesOutcome | undefined) =>
    side && { result: side.result, state: side.state, reason: side.reason, evidence: side.evidence }
  return compareValues(view(before) ?? {}, view(after) ?? {}, '')
}

const isContainer = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

function compareValues(before: unknown, after: unknown, path: string): FieldChange[] {
  if (Object.is(before, after)) return []
  const comparable = isContainer(before) && isContainer(after) && Array.isArray(before) === Array.isArray(after)
  if (!comparable) return [{ path, before: before ?? null, after: after ?? null }].filter((c) => c.before !== c.after)
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
  return keys.flatMap((key) => compareValues(before[key], after[key], path + pointerTo([key])))
}
