import { pointerTo } from '../../encoding/json-pointer.ts'
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

/** What was true of a series at a moment. */
export interface SeriesOutcome {
  result: Result
  state: State
  reason: ReasonCode
  evidence: unknown
}

/** The same with the policy version that judged it. */
export interface SeriesState extends SeriesOutcome {
  policyVersion: number
}

/** An outcome as reports show it. */
export const showOutcome = ({ result, state, reason }: SeriesOutcome) => ({
  ...{ result, state },
  reason: describeReason(reason),
})

/** One field that differs; `path` is a JSON Pointer (RFC 6901). A side that is absent is null. */
export interface FieldChange {
  path: string
  before: unknown
  after: unknown
}

const known = (result: Result) => result === 'pass' || result === 'fail'
const outOfScope = (side: SeriesOutcome | undefined) => side === undefined || side.result === 'notapplicable'

/** Whether a series that is absent on one side was merely not tested then, and so never left the scope. */
interface Absence {
  untested?: boolean
}

/**
 * What happened to a series between two moments; undefined when nothing did. A series that is absent on one side was out of
 * scope then, unless it is known that it was merely not tested (`untested`): that hides what was known, and nothing else.
 */
export function classify(
  before: SeriesOutcome | undefined,
  after: SeriesOutcome | undefined,
  { untested = false }: Absence = {},
): DriftClass | undefined {
  if (untested && before && !after) return known(before.result) ? 'obscured' : undefined
  if (untested && after && !before) return known(after.result) ? 'clarified' : undefined
  if (outOfScope(before) || outOfScope(after)) {
    if (outOfScope(before) === outOfScope(after)) return undefined
    return outOfScope(before) ? 'appeared' : 'vanished'
  }
  if (!before || !after) return undefined
  if (known(before.result) && !known(after.result)) return 'obscured'
  if (!known(before.result) && known(after.result)) return 'clarified'
  if (before.result === 'pass' && after.result === 'fail') return 'regressed'
  if (before.result === 'fail' && after.result === 'pass') return 'recovered'
  return compareFields(before, after).length > 0 ? 'changed' : undefined
}

/**
 * Why: the same facts judged by another policy version, a change of what is looked at, or else the world. Where there are no
 * facts (null), nothing was judged.
 */
export function causeOf(
  before: SeriesState | undefined,
  after: SeriesState | undefined,
  { untested = false }: Absence = {},
): DriftCause {
  if (untested && (!before || !after)) return 'environment'
  if (outOfScope(before) || outOfScope(after) || !before || !after) return 'scope'
  const sameFacts = before.evidence !== null && compareValues(before.evidence, after.evidence, '').length === 0
  return sameFacts && before.policyVersion !== after.policyVersion ? 'policy' : 'environment'
}

/** The fields that differ between two states of a series, in the order of their paths. */
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
