import { mayAny } from '../../api/me.ts'
import { me } from '../../api/session.ts'
import { Choice, SearchField } from '../../parts/controls/facets.tsx'
import { EmptyState } from '../../parts/empty-state.tsx'
import { Link } from '../../parts/link.tsx'
import { Listing } from '../../parts/lists/listing.tsx'
import { OnlyNow } from '../../parts/only-now.tsx'
import { Page } from '../../parts/page.tsx'
import { Time } from '../../parts/time.tsx'
import { at, query } from '../../url/location.ts'
import { pageOf } from './decide.tsx'
import { Ticket } from './facts.tsx'
import { State } from './state.tsx'
import { stateNames, targetsText, type Waiver } from './types.ts'

const states = ['requested', 'active', 'expired', 'revoked', 'rejected'] as const

/** The failures that are accepted for a time. */
export default function Waivers() {
  if (at.value) return <OnlyNow title="Waivers" />
  return (
    <Page
      title="Waivers"
      lead="Failures that are accepted for a time. They stay failures, and are shown as waived."
      actions={
        mayAny(me.value, 'audits:run') && (
          <Link class="button primary" to="/waivers/new">
            Request a waiver
          </Link>
        )
      }
    >
      <div class="filters">
        <SearchField name="ticket" title="Ticket" hint="Whole number" />
        <Choice name="state" title="State" values={states.map((value) => ({ value, label: stateNames[value] }))} />
      </div>
      <Listing<Waiver>
        path="/v1/waivers"
        parameters={{ state: query.value.get('state'), ticket: query.value.get('ticket') }}
        hasFiles={false}
        caption="Waivers, newest first"
        rowKey={({ id }) => id}
        columns={[
          { head: 'Waiver', cell: ({ id, rules }) => <Link to={pageOf('waiver', id)}>{rules.join(', ')}</Link> },
          { head: 'State', cell: (waiver) => <State item={waiver} /> },
          { head: 'Reason', cell: ({ reason }) => reason },
          { head: 'Ticket', cell: ({ ticket }) => <Ticket ticket={ticket} /> },
          { head: 'Targets', cell: ({ targets }) => targetsText(targets) },
          { head: 'Ends', cell: ({ expiresAt }) => <Time value={expiresAt} /> },
          { head: 'Requested by', cell: ({ requestedBy, requestedByName }) => requestedByName ?? requestedBy },
        ]}
        empty={
          query.value.has('state') || query.value.has('ticket') ? (
            <EmptyState title="No waiver has these filters." next={<Link to="/waivers">Remove the filters</Link>} />
          ) : (
            <EmptyState title="There are no waivers yet.">
              A waiver accepts that a rule fails for some targets until a date.
            </EmptyState>
          )
        }
      />
    </Page>
  )
}
