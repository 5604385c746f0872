import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { UnknownCause } from '../../domain/history/unknown.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { UnknownGroup } from '../../store/history/unknown.ts'
import { expectedOf, type Question } from './find-unknown.ts'

/** Which part of what is not known. */
export interface UnknownPart {
  cause: UnknownCause
  rule?: string | undefined
  vantage?: string | undefined
  reason?: ReasonCode | undefined
}

/** The names of all targets of a part of what is not known, in their order. */
export async function findUnknownTargets(
  stores: Stores,
  { at, filter, nextTicks }: Pick<Question, 'at' | 'filter' | 'nextTicks'>,
  part: UnknownPart,
): Promise<string[]> {
  if (part.cause === 'never-audited') return (await stores.unknown.neverAudited(at, filter, null))?.names ?? []
  const expected = (await stores.unknown.schedules(at)).map((schedule) => expectedOf(schedule, at, nextTicks))
  const groups = (await stores.unknown.groups(at, expected, filter)).filter((group) => isIn(group, part))
  const names = await stores.unknown.namesOf([...new Set(groups.flatMap(({ targetIds }) => targetIds))])
  return [...names.values()].sort()
}

const isIn = (group: UnknownGroup, { cause, rule, vantage, reason }: UnknownPart) =>
  group.cause === cause &&
  (rule ?? group.rule) === group.rule &&
  (vantage ?? group.vantage) === group.vantage &&
  (reason ?? group.reason) === group.reason
