import type { Static } from 'typebox'
import type { Target as TargetSchema } from '../../../api/routes/targets/schemas.ts'
import { ChosenFilters, SearchField } from '../../parts/controls/facets.tsx'
import { EmptyState } from '../../parts/empty-state.tsx'
import { whyNotAllowed } from '../../parts/forms/permission.ts'
import { Link } from '../../parts/link.tsx'
import { Labels } from '../../parts/lists/labels.tsx'
import { Listing } from '../../parts/lists/listing.tsx'
import { Page } from '../../parts/page.tsx'
import { Time } from '../../parts/time.tsx'
import { query, queryAll } from '../../url/location.ts'
import { uri } from '../../url/parameters.ts'

type Target = Static<typeof TargetSchema>

/** The hosts under audit. */
export default function Targets() {
  return (
    <Page title="Targets" lead="The hosts under audit." actions={!whyNotAllowed('targets:write') && <Actions />}>
      <div class="filters">
        <SearchField title="Search" hint="Name, address, id" />
        <ChosenFilters names={['label']} />
      </div>
      <Listing<Target>
        path="/v1/targets"
        parameters={{ label: queryAll('label'), q: query.value.get('q'), total: true }}
        caption="Targets by name"
        rowKey={({ name }) => name}
        columns={[
          { head: 'Target', cell: ({ name }) => <Link to={uri`/targets/${name}`}>{name}</Link> },
          { head: 'Address', cell: ({ address }) => <code>{address}</code> },
          { head: 'Roles', cell: ({ roles }) => roles.join(', ') },
          { head: 'Labels', cell: ({ labels }) => <Labels labels={labels} /> },
          { head: 'External id', cell: ({ externalId }) => externalId },
          { head: 'Changed', cell: ({ updatedAt }) => <Time value={updatedAt} /> },
        ]}
        empty={
          query.value.has('q') || query.value.has('label') ? (
            <EmptyState title="No target has these filters." next={<Link to="/targets">Remove the filters</Link>} />
          ) : (
            <EmptyState title="There are no targets yet.">A target is a host whose ports are audited.</EmptyState>
          )
        }
      />
    </Page>
  )
}

function Actions() {
  return (
    <>
      <Link class="button" to="/targets/-/import">
        Import
      </Link>
      <Link class="button primary" to="/targets/-/new">
        Add a target
      </Link>
    </>
  )
}
