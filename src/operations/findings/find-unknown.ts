import type { ReasonCode } from '../../domain/findings/reasons.ts'
import { reasons } from '../../domain/findings/reasons.ts'
import { causeTexts, staleBefore, sumCauses, type UnknownCause, unknownCauses } from '../../domain/history/unknown.ts'
import { onTimeMs } from '../../domain/schedules.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { ComplianceFilter } from '../../store/history/compliance.ts'
import type { AuditingSchedule, UnknownGroup } from '../../store/history/unknown.ts'
import type { Scheduler } from '../schedules/tick.ts'

/** One thing that is not known, and what it is about; what does not apply is null. */
export interface Unknown {
  cause: UnknownCause
  /** Checks; of `never-audited` targets, of `missed-run` runs. */
  count: number
  targets: number
  policy: string | null
  rule: string | null
  vantage: string | null
  zones: string[]
  schedule: string | null
  reason: ReasonCode | null
  message: string | null
  examples: string[]
  since: string | null
}

const shownNames = 20
const missedRunsMs = 30 * 86_400_000
/** As many as it takes to see the longest pause of a schedule for workdays. */
const seenTicks = 8

export interface Question {
  at: Date
  now: Date
  filter: ComplianceFilter
  nextTicks: Scheduler['next']
  /** Whether vantages that are absent at that time are included, with findings or without. */
  withVantages: boolean
}

/** What is not known at a point in time: how much by cause, and its parts, by cause and the largest first. */
export async function findUnknown(stores: Stores, { at, now, filter, nextTicks, withVantages }: Question) {
  const expected = (await stores.unknown.schedules(at)).map((schedule) => expectedOf(schedule, at, nextTicks))
  const groups = await stores.unknown.groups(at, expected, filter)
  const never = await stores.unknown.neverAudited(at, filter, shownNames)
  const overdueAt = new Date(now.getTime() - onTimeMs)
  const period = { from: new Date(at.getTime() - missedRunsMs), to: at, overdueAt }
  const { total, newest } = await stores.schedules.missedRuns(period, filter.policy)
  const names = await stores.unknown.namesOf([
    ...new Set(groups.flatMap(({ targetIds }) => targetIds.slice(0, shownNames))),
  ])
  const items: Unknown[] = [
    ...groups.map((group) => ofGroup(group, names)),
    ...(withVantages ? await absentVantages(stores, at, groups) : []),
    ...(never
      ? [
          {
            ...nothing('never-audited', never.count),
            targets: never.count,
            examples: never.names,
            since: never.since.toISOString(),
          },
        ]
      : []),
    ...missedBySchedule(newest),
  ]
  const rank = ({ cause }: Unknown) => unknownCauses.indexOf(cause)
  const sums = sumCauses(groups.map((group) => ({ ...group, count: group.targetIds.length })))
  const counts = { 'never-audited': never?.count ?? 0, 'missed-run': total }
  return {
    causes: sums.map(({ cause, count, targets }) => ({
      cause,
      ...causeTexts[cause],
      count: cause === 'never-audited' || cause === 'missed-run' ? counts[cause] : count,
      targets: cause === 'never-audited' ? counts[cause] : targets,
    })),
    items: items.sort((a, b) => rank(a) - rank(b) || b.count - a.count),
  }
}

/** Before when outcomes of the targets of a schedule are too old. */
export const expectedOf = ({ cron, timeZone, ...of }: AuditingSchedule, at: Date, nextTicks: Scheduler['next']) => ({
  ...of,
  before: staleBefore(nextTicks({ cron, timeZone }, at, seenTicks), at),
})

const nothing = (cause: UnknownCause, count: number): Unknown => ({
  cause,
  count,
  targets: 0,
  policy: null,
  rule: null,
  vantage: null,
  zones: [],
  schedule: null,
  reason: null,
  message: null,
  examples: [],
  since: null,
})

const ofGroup = (
  { targetIds, since, cause, policy, rule, vantage, zones, reason }: UnknownGroup,
  names: ReadonlyMap<number, string>,
): Unknown => ({
  ...nothing(cause, targetIds.length),
  ...{ policy, rule, vantage, zones, reason },
  targets: targetIds.length,
  message: reason && reasons[reason].message,
  examples: targetIds
    .slice(0, shownNames)
    .flatMap((id) => names.get(id) ?? [])
    .sort(),
  since: since.toISOString(),
})

/** Vantages that are absent at that time and without a finding yet: the next audit will have them. */
async function absentVantages(stores: Stores, at: Date, groups: readonly UnknownGroup[]): Promise<Unknown[]> {
  const shown = new Set(groups.flatMap(({ cause, vantage }) => (cause === 'vantage-absent' ? [vantage] : [])))
  const period = { from: at, to: new Date(at.getTime() + 1) }
  const { items } = await stores.vantages.absences({ ...period, limit: 1000 })
  const zones = new Map((await stores.vantages.list()).map((vantage) => [vantage.name, [...vantage.zones]]))
  return items
    .filter(({ vantage }) => !shown.has(vantage))
    .map(({ vantage, from }) => ({
      ...nothing('vantage-absent', 0),
      vantage,
      zones: zones.get(vantage) ?? [],
      since: from.toISOString(),
    }))
}

function missedBySchedule(
  runs: readonly { schedule: string; policy: string; dueAt: string; outcome: string; reason: string | null }[],
): Unknown[] {
  const groups = Map.groupBy(runs, ({ schedule, policy, outcome, reason }) =>
    JSON.stringify([schedule, policy, reason ?? outcome]),
  )
  return [...groups.values()].flatMap((group) =>
    group.slice(0, 1).map(({ schedule, policy, dueAt, outcome, reason }) => ({
      ...nothing('missed-run', group.length),
      ...{ schedule, policy, message: reason ?? outcome, since: dueAt },
    })),
  )
}
