import type { Static } from 'typebox'
import type { ComplianceReport } from '../../../api/routes/reports/schemas/compliance.ts'
import { DataTable } from '../../parts/lists/data-table.tsx'
import { Block } from '../../parts/page.tsx'
import { Time } from '../../parts/time.tsx'

type Run = Static<typeof ComplianceReport>['missedRuns'][number]

/** Runs of schedules without an audit, and why. */
export function MissedRuns({
  runs,
  total,
  period,
  none,
}: {
  runs: readonly Run[]
  total: number
  /** Of the runs, such as "the 30 days before". */
  period: string
  /** What is said where there are none. */
  none: string
}) {
  return (
    <Block title="Missed runs">
      {total === 0 ? (
        <p>{none}</p>
      ) : (
        <DataTable
          caption={`Runs of ${period} that had no audit: ${total}`}
          rows={runs}
          rowKey={({ schedule, dueAt }) => `${schedule} ${dueAt}`}
          columns={[
            { head: 'Schedule', cell: ({ schedule }) => schedule },
            { head: 'Policy', cell: ({ policy }) => policy },
            { head: 'Due', cell: ({ dueAt }) => <Time value={dueAt} /> },
            { head: 'Reason', cell: ({ reason, outcome }) => reason ?? outcome },
          ]}
        />
      )}
    </Block>
  )
}
