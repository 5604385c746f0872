import { mayAny } from '../../api/me.ts'
import { useResource } from '../../api/resource.ts'
import { me } from '../../api/session.ts'
import { Choice, SearchField } from '../../parts/controls/facets.tsx'
import { EmptyState } from '../../parts/empty-state.tsx'
import { Link } from '../../parts/link.tsx'
import { Listing } from '../../parts/lists/listing.tsx'
import { OnlyNow } from '../../parts/only-now.tsx'
import { Page } from '../../parts/page.tsx'
import { Time } from '../../parts/time.tsx'
import { at, query } from '../../url/location.ts'
import { StillOpen } from './approvals.tsx'
import { pageOf } from './decide.tsx'
import { Ticket } from './facts.tsx'
import { State } from './state.tsx'
import { stateNames, targetsText, type Window } from './types.ts'

const states = [
  'requested',
  'approved',
  'open',
  'ended',
  'still-open',
  'closed',
  'lapsed',
  'rejected',
  'canceled',
] as const

/** The permissions for exposures, those that are still open after their end on top. */
export default function Windows() {
  const stillOpen = useResource<{ items: Window[] }>(at.value ? undefined : '/v1/windows?state=still-open&limit=100')
  if (at.value) return <OnlyNow title="Windows" />
  return (
    <Page
      title="Windows"
      lead="Ports that may be open for a time, with a ticket."
      actions={
        mayAny(me.value, 'audits:run') && (
          <Link class="button primary" to="/windows/new">
            Request a window
          </Link>
        )
      }
    >
      <StillOpen windows={stillOpen} />
      <div class="filters">
        <SearchField name="ticket" title="Ticket" hint="Whole number" />
        <Choice name="state" title="State" values={states.map((value) => ({ value, label: stateNames[value] }))} />
      </div>
      <Listing<Window>
        path="/v1/windows"
        parameters={{ state: query.value.get('state'), ticket: query.value.get('ticket') }}
        hasFiles={false}
        caption="Windows, newest first"
        rowKey={({ id }) => id}
        columns={[
          { head: 'Window', cell: ({ id, rules }) => <Link to={pageOf('window', id)}>{rules.join(', ')}</Link> },
          { head: 'State', cell: (window) => <State item={window} /> },
          { head: 'Ticket', cell: ({ ticket }) => <Ticket ticket={ticket} /> },
          { head: 'Targets', cell: ({ targets }) => targetsText(targets) },
          {
            head: 'When',
            cell: ({ from, to }) => (
              <span>
                <Time value={from} /> to <Time value={to} />
              </span>
            ),
          },
          { head: 'Requested by', cell: ({ requestedBy, requestedByName }) => requestedByName ?? requestedBy },
        ]}
        empty={
          query.value.has('state') || query.value.has('ticket') ? (
            <EmptyState title="No window has these filters." next={<Link to="/windows">Remove the filters</Link>} />
          ) : (
            <EmptyState title="There are no windows yet.">
              A window permits a port to be open for a time, for example SSH for a support intervention.
            </EmptyState>
          )
        }
      />
    </Page>
  )
}
