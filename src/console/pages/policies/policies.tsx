import type { Static } from 'typebox'
import type { Policy as PolicySchema } from '../../../api/routes/policies/schemas.ts'
import { EmptyState } from '../../parts/empty-state.tsx'
import { Link } from '../../parts/link.tsx'
import { Listing } from '../../parts/lists/listing.tsx'
import { Page } from '../../parts/page.tsx'
import { severities } from '../../parts/results/results.ts'
import { Time } from '../../parts/time.tsx'
import { uri } from '../../url/parameters.ts'
import './policies.css'

type Policy = Static<typeof PolicySchema>

/** The newest version of each policy. */
export default function Policies() {
  return (
    <Page title="Policies" lead="What the ports of targets must be like, from which zone.">
      <Listing<Policy>
        path="/v1/policies"
        hasFiles={false}
        caption="Policies by name, each in its newest version"
        rowKey={({ name }) => name}
        columns={[
          {
            head: 'Policy',
            cell: ({ name, document }) => (
              <div>
                <Link to={uri`/policies/${name}`}>{name}</Link>
                <p>{document.title}</p>
              </div>
            ),
          },
          { head: 'Rules', cell: ({ document }) => rulesText(document.rules) },
          {
            head: 'From zones',
            cell: ({ document }) => [...new Set(document.rules.flatMap(({ from }) => from))].sort().join(', '),
          },
          { head: 'Version', isNumber: true, cell: ({ version }) => version },
          { head: 'Changed', cell: ({ createdAt }) => <Time value={createdAt} /> },
        ]}
        empty={<EmptyState title="There are no policies." />}
      />
    </Page>
  )
}

/** "6 rules: 3 high, 2 medium, 1 low". */
function rulesText(rules: Policy['document']['rules']): string {
  const shares = severities
    .map((severity) => [severity, rules.filter((rule) => rule.severity === severity).length] as const)
    .filter(([, count]) => count > 0)
    .map(([severity, count]) => `${count} ${severity}`)
  return `${rules.length} ${rules.length === 1 ? 'rule' : 'rules'}: ${shares.join(', ')}`
}
