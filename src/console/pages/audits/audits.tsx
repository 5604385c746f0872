import type { Static } from 'typebox'
import type { Audit as AuditSchema } from '../../../api/routes/audits/schemas.ts'
import { Choice } from '../../parts/controls/facets.tsx'
import { EmptyState } from '../../parts/empty-state.tsx'
import { Listing } from '../../parts/lists/listing.tsx'
import { Page } from '../../parts/page.tsx'
import { CountsBar } from '../../parts/results/marks.tsx'
import { AuditVerdict } from '../../parts/results/verdict.tsx'
import { Time } from '../../parts/time.tsx'
import { query } from '../../url/location.ts'

type Audit = Static<typeof AuditSchema>

const statuses = [
  { value: 'queued', label: 'Waiting' },
  { value: 'running', label: 'Running' },
  { value: 'completed', label: 'Completed' },
  { value: 'canceled', label: 'Canceled' },
  { value: 'failed', label: 'Failed' },
]

/** The audits, newest first. */
export default function Audits() {
  return (
    <Page title="Audits">
      <div class="filters">
        <Choice name="status" title="Status" values={statuses} />
      </div>
      <Listing<Audit>
        path="/v1/audits"
        parameters={{ status: query.value.get('status') }}
        hasFiles={false}
        caption="Audits, newest first"
        rowKey={({ id }) => id}
        columns={[
          { head: 'Created', cell: ({ createdAt }) => <Time value={createdAt} /> },
          { head: 'Verdict', cell: ({ verdict, status }) => <AuditVerdict verdict={verdict} status={status} /> },
          {
            head: 'Results',
            cell: ({ counts }) => <CountsBar counts={{ ...counts, fail: counts.fail - counts.waived }} />,
          },
          { head: 'Checks', isNumber: true, cell: ({ progress }) => progress.total.toLocaleString('en') },
          { head: 'Policy', cell: ({ policy }) => `${policy.name} version ${policy.version}` },
          { head: 'Trigger', cell: ({ trigger }) => trigger },
          { head: 'Ticket', cell: ({ correlationId }) => correlationId },
        ]}
        empty={
          <EmptyState title="There are no audits.">Nothing has been checked, or no audit has this status.</EmptyState>
        }
      />
    </Page>
  )
}
