import { proposePolicy } from '../../domain/learning/propose.ts'
import { type TraceStatus, traceStatus } from '../../domain/traces/trace.ts'
import type { StoredDiscovery } from '../../store/learning/discoveries.ts'

/** How a discovery stands; one that was not made by its deadline has failed. */
export const statusOf = (
  { takenAt: startedAt, finishedAt, deadlineAt, failure }: StoredDiscovery,
  now: Date,
): TraceStatus => traceStatus({ startedAt, finishedAt, deadlineAt, failure }, now)

/** The policy that the parts of a proposal suggest. */
export const proposalOf = (parts: readonly StoredDiscovery[]) =>
  proposePolicy({
    name: 'proposed',
    targets: parts[0]?.targets ?? [],
    ports: parts[0]?.ports ?? [],
    parts: parts.flatMap(({ vantage, zones, result }) => (result ? [{ vantage, zones, discovery: result }] : [])),
  })
