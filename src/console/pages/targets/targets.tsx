import type { Static } from 'typebox'
import type { Target as TargetSchema } from '../../../api/routes/targets/schemas.ts'
import { EmptyState } from '../../parts/empty-state.tsx'
import { Labels } from '../../parts/lists/labels.tsx'
import { Listing } from '../../parts/lists/listing.tsx'
import { Page } from '../../parts/page.tsx'
import { Time } from '../../parts/time.tsx'
import { queryAll } from '../../url/location.ts'

type Target = Static<typeof TargetSchema>

/** The hosts under audit. */
export default function Targets() {
  return (
    <Page title="Targets" lead="The hosts under audit.">
      <Listing<Target>
        path="/v1/targets"
        parameters={{ label: queryAll('label') }}
        caption="Targets by name"
        rowKey={({ name }) => name}
        columns={[
          { head: 'Target', cell: ({ name }) => <strong>{name}</strong> },
          { head: 'Address', cell: ({ address }) => <code>{address}</code> },
          { head: 'Roles', cell: ({ roles }) => roles.join(', ') },
          { head: 'Labels', cell: ({ labels }) => <Labels labels={labels} /> },
          { head: 'External id', cell: ({ externalId }) => externalId },
          { head: 'Changed', cell: ({ updatedAt }) => <Time value={updatedAt} /> },
        ]}
        empty={<EmptyState title="There are no targets yet.">A target is a host whose ports are audited.</EmptyState>}
      />
    </Page>
  )
}
