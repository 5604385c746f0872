import type { Static } from 'typebox'
import type { Audit as AuditSchema } from '../../../api/routes/audits/schemas.ts'
import { mayAny } from '../../api/me.ts'
import { me } from '../../api/session.ts'
import { Actor } from '../../parts/actor.tsx'
import { Choice } from '../../parts/controls/facets.tsx'
import { EmptyState } from '../../parts/empty-state.tsx'
import { Link } from '../../parts/link.tsx'
import { Listing } from '../../parts/lists/listing.tsx'
import { Page } from '../../parts/page.tsx'
import { at, query } from '../../url/location.ts'
import { uri } from '../../url/parameters.ts'
import { auditColumns } from './columns.tsx'

type Audit = Static<typeof AuditSchema>

const statuses = [
  { value: 'queued', label: 'Waiting' },
  { value: 'running', label: 'Running' },
  { value: 'completed', label: 'Completed' },
  { value: 'canceled', label: 'Canceled' },
  { value: 'failed', label: 'Failed' },
]

const verdicts = [
  { value: 'pass', label: 'Pass' },
  { value: 'fail', label: 'Fail' },
  { value: 'inconclusive', label: 'Inconclusive' },
]

const triggers = [
  { value: 'api', label: 'Request' },
  { value: 'schedule', label: 'Schedule' },
  { value: 'window', label: 'End of a window' },
  { value: 'cli', label: 'Command line' },
]

/** The audits, newest first. */
export default function Audits() {
  const filter = (name: string) => query.value.get(name)
  return (
    <Page title="Audits" actions={<NewAudit />}>
      <div class="filters">
        <Choice name="status" title="Status" values={statuses} />
        <Choice name="verdict" title="Verdict" values={verdicts} />
        <Choice name="trigger" title="Started by" values={triggers} />
      </div>
      <Listing<Audit>
        path="/v1/audits"
        parameters={{ status: filter('status'), verdict: filter('verdict'), trigger: filter('trigger'), to: at.value }}
        hasFiles={false}
        caption="Audits, newest first"
        rowKey={({ id }) => id}
        columns={[
          ...auditColumns,
          { head: 'Checks', isNumber: true, cell: ({ progress }) => progress.total.toLocaleString('en') },
          { head: 'Policy', cell: ({ policy }) => `${policy.name} version ${policy.version}` },
          { head: 'Trigger', cell: ({ trigger }) => trigger },
          {
            head: 'Requested by',
            cell: ({ requestedBy, requestedByName }) => <Actor id={requestedBy} name={requestedByName} />,
          },
          {
            head: 'Ticket',
            cell: ({ correlationId }) =>
              correlationId && <Link to={uri`/tickets/${correlationId}`}>{correlationId}</Link>,
          },
        ]}
        empty={
          <EmptyState title="There are no audits.">Nothing has been checked, or no audit fits the filters.</EmptyState>
        }
      />
    </Page>
  )
}

function NewAudit() {
  if (!mayAny(me.value, 'audits:run')) return null
  return (
    <Link to="/audits/new" class="button primary">
      New audit
    </Link>
  )
}
