import type { Static } from 'typebox'
import type { PolicySummary } from '../../../api/routes/policies/schemas.ts'
import { EmptyState } from '../../parts/empty-state.tsx'
import { whyNotAllowed } from '../../parts/forms/permission.ts'
import { Link } from '../../parts/link.tsx'
import { Listing } from '../../parts/lists/listing.tsx'
import { Page } from '../../parts/page.tsx'
import { Time } from '../../parts/time.tsx'
import { uri } from '../../url/parameters.ts'
import './policies.css'

type Policy = Static<typeof PolicySummary>

/** The newest version of each policy. */
export default function Policies() {
  return (
    <Page
      title="Policies"
      lead="What the ports of targets must be like, from which zone."
      actions={
        !whyNotAllowed('policies:write') && (
          <>
            {!whyNotAllowed('audits:run') && (
              <Link class="button" to="/policies/-/new?propose=1">
                Propose from what is open
              </Link>
            )}
            <Link class="button primary" to="/policies/-/new">
              Add a policy
            </Link>
          </>
        )
      }
    >
      <Listing<Policy>
        path="/v1/policies"
        parameters={{ fields: 'summary' }}
        hasFiles={false}
        caption="Policies by name, each in its newest version"
        rowKey={({ name }) => name}
        columns={[
          {
            head: 'Policy',
            cell: ({ name, title }) => (
              <div>
                <Link to={uri`/policies/${name}`}>{name}</Link>
                <p>{title}</p>
              </div>
            ),
          },
          { head: 'Rules', isNumber: true, cell: ({ rules }) => rules },
          { head: 'From zones', cell: ({ zones }) => zones.join(', ') },
          { head: 'Version', isNumber: true, cell: ({ version }) => version },
          { head: 'Changed', cell: ({ createdAt }) => <Time value={createdAt} /> },
          { head: 'Why', cell: ({ note }) => note },
        ]}
        empty={<EmptyState title="There are no policies." />}
      />
    </Page>
  )
}
