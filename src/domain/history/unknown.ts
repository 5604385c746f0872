import type { ReasonCode } from '../findings/reasons.ts'

/** Why something is not known, in the order of a report: what the service lacks first, then what targets and schedules lack. */
export const unknownCauses = [
  'vantage-absent',
  'no-vantage',
  'vantage-offline',
  'dns',
  'credential',
  'configuration',
  'unfinished',
  'inconclusive',
  'never-audited',
  'stale',
  'missed-run',
] as const
export type UnknownCause = (typeof unknownCauses)[number]

/** What each cause is called, and what a person does next. */
export const causeTexts: Readonly<Record<UnknownCause, { title: string; step: string }>> = {
  'vantage-absent': {
    title: 'Vantage absent',
    step: 'Start the worker or the agent of the vantage, then audit again.',
  },
  'no-vantage': {
    title: 'No vantage in the zone',
    step: 'Add an agent in the zone, or let the rule accept indirect evidence.',
  },
  'vantage-offline': {
    title: 'Vantage offline',
    step: 'Repair the network or the limits of the vantage: the reason says which, its log has the error.',
  },
  dns: {
    title: 'Name not resolved',
    step: 'Correct the address of the target, or the name servers of the vantage.',
  },
  credential: {
    title: 'Credential not used',
    step: 'Provide the credential at the vantage, or allow it there: the reason says what is missing.',
  },
  configuration: {
    title: 'Not allowed or not supported',
    step: 'Change the egress policy, the target, the rule or the version, as the reason says.',
  },
  unfinished: {
    title: 'Audit ended early',
    step: 'Audit again, with more time or more workers.',
  },
  inconclusive: {
    title: 'No conclusive response',
    step: 'Open the findings: each says what was seen and what is missing.',
  },
  'never-audited': {
    title: 'Never audited',
    step: 'Audit the targets, or add them to a schedule.',
  },
  stale: {
    title: 'Stale',
    step: 'Audit again, and find out why the schedule did not.',
  },
  'missed-run': {
    title: 'Run without an audit',
    step: 'Open the schedule: the reason says why no audit ran.',
  },
}

/** Reasons that an operator can remove; all others are about what a target did. */
const causes: { readonly [Code in ReasonCode]?: UnknownCause } = {
  'vantage-absent': 'vantage-absent',
  'vantage-removed': 'vantage-absent',
  'no-vantage-in-zone': 'no-vantage',
  'vantage-offline': 'vantage-offline',
  'no-local-route': 'vantage-offline',
  'ip-family-missing': 'vantage-offline',
  'descriptors-exhausted': 'vantage-offline',
  'ports-exhausted': 'vantage-offline',
  'local-resources': 'vantage-offline',
  'local-denied': 'vantage-offline',
  'local-failure': 'vantage-offline',
  'dns-unavailable': 'dns',
  'name-not-found': 'dns',
  'credential-unavailable': 'credential',
  'credential-not-allowed': 'credential',
  'credential-withheld': 'credential',
  'credential-unsettled': 'credential',
  'agent-outdated': 'credential',
  'invalid-host': 'configuration',
  'egress-denied': 'configuration',
  'observation-refused': 'configuration',
  'expectation-not-supported': 'configuration',
  'batch-failed': 'unfinished',
  'audit-deadline': 'unfinished',
  'audit-canceled': 'unfinished',
}

/** The cause behind the reason of an undecided outcome. */
export const causeOf = (reason: ReasonCode): UnknownCause => causes[reason] ?? 'inconclusive'

/** How old an observation may be where no schedule repeats it. */
export const unscheduledDays = 30

const graceMs = 3_600_000

/** Before when an observation is too old for a schedule with these ticks: its longest pause, and an hour for the audit. */
export function staleBefore(ticks: readonly Date[], at: Date): Date {
  const pauses = ticks.slice(1).map((tick, i) => tick.getTime() - (ticks[i]?.getTime() ?? 0))
  const pauseMs = pauses.length > 0 ? Math.max(...pauses) + graceMs : unscheduledDays * 86_400_000
  return new Date(at.getTime() - pauseMs)
}

/** How much of a cause there is. */
export interface CauseCount {
  cause: UnknownCause
  count: number
  targets: number
}

/** Sums groups by cause; a target that several groups have counts once. */
export function sumCauses(
  groups: readonly { cause: UnknownCause; count: number; targetIds: readonly number[] }[],
): CauseCount[] {
  return unknownCauses.map((cause) => {
    const own = groups.filter((group) => group.cause === cause)
    return {
      cause,
      count: own.reduce((sum, { count }) => sum + count, 0),
      targets: new Set(own.flatMap(({ targetIds }) => targetIds)).size,
    }
  })
}
