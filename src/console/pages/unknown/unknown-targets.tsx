import { EmptyState } from '../../parts/empty-state.tsx'
import { Link } from '../../parts/link.tsx'
import { Listing } from '../../parts/lists/listing.tsx'
import { Page } from '../../parts/page.tsx'
import { at, query, queryAll } from '../../url/location.ts'
import { uri } from '../../url/parameters.ts'

const names = ['cause', 'policy', 'rule', 'vantage', 'reason'] as const

/** All targets of one part of what is not known. */
export default function UnknownTargets() {
  const part = Object.fromEntries(names.map((name) => [name, query.value.get(name)]))
  const said = names.flatMap((name) => (part[name] ? [`${name} ${part[name]}`] : []))
  return (
    <Page
      title="Targets of what we do not know"
      lead={`${said.join(', ')}.`}
      actions={
        <Link class="button" to="/unknown">
          All that we do not know
        </Link>
      }
    >
      <Listing<{ target: string }>
        path="/v1/reports/unknown/targets"
        parameters={{ ...part, label: queryAll('label'), at: at.value }}
        caption="Targets by name"
        rowKey={({ target }) => target}
        columns={[{ head: 'Target', cell: ({ target }) => <Link to={uri`/targets/${target}`}>{target}</Link> }]}
        empty={<EmptyState title="No target is in this part of what is not known." />}
      />
    </Page>
  )
}
