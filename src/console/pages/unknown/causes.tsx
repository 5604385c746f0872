import { EmptyState } from '../../parts/empty-state.tsx'
import { DataTable } from '../../parts/lists/data-table.tsx'
import { itemsOf, sizeText, type UnknownReport } from './report.ts'

/** Every cause that something has, with its size and the next step; each leads to its block on `page`, by default this one. */
export function Causes({ report, page = '' }: { report: UnknownReport; page?: string }) {
  const causes = report.causes.filter((cause) => itemsOf(report, cause).length > 0)
  if (causes.length === 0)
    return (
      <EmptyState title="Nothing is unknown.">
        No check is undecided or stale, no target was never audited, no vantage is absent, and no run was missed in the
        30 days before.
      </EmptyState>
    )
  return (
    <DataTable
      caption="Why something is not known: it counts neither as a pass nor as a failure"
      rows={causes}
      rowKey={({ cause }) => cause}
      columns={[
        { head: 'Cause', cell: ({ cause, title }) => <a href={`${page}#${cause}`}>{title}</a> },
        { head: 'How much', cell: (cause) => (cause.count > 0 ? sizeText(cause) : 'nothing yet') },
        { head: 'Next step', cell: ({ step }) => step },
      ]}
    />
  )
}
