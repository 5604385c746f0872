import type { Static } from 'typebox'
import type { Digest as DigestSchema } from '../../../api/routes/reports/schemas/digest.ts'
import { useResource } from '../../api/resource.ts'
import { Link } from '../../parts/link.tsx'
import { DataTable } from '../../parts/lists/data-table.tsx'
import { ListTools } from '../../parts/lists/listing.tsx'
import { Block } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { localInput, Time } from '../../parts/time.tsx'
import { at, href, query, setQuery } from '../../url/location.ts'
import { apiPath } from '../../url/parameters.ts'
import { pageOf } from '../exceptions/decide.tsx'
import { Document } from './document.tsx'
import { MissedRuns } from './missed-runs.tsx'

type Digest = Static<typeof DigestSchema>

/** What changed since the digest before, or that nothing did; what is not known, what ends soon, what was missed. */
export default function DigestOnPaper() {
  const from = query.value.get('from')
  const parameters = { from, to: at.value }
  const digest = useResource<Digest>(apiPath('/v1/reports/digest', parameters))
  return (
    <Document
      title="Digest"
      at={digest.value?.to}
      cover={digest.value?.summary}
      filters={
        <label class="field">
          Since
          <input
            type="datetime-local"
            value={digest.value ? localInput(digest.value.from) : ''}
            max={localInput(new Date().toISOString())}
            onChange={({ currentTarget }) => {
              const ms = Date.parse(currentTarget.value)
              setQuery({ from: Number.isNaN(ms) ? null : new Date(ms).toISOString() })
            }}
          />
        </label>
      }
      policies={[]}
    >
      <ResourceView of={digest}>
        {(value) => (
          <>
            <Changes digest={value} />
            <NotKnown digest={value} />
            <Ending digest={value} />
            <MissedRuns
              runs={value.missedRuns.newest}
              total={value.missedRuns.total}
              period="the period"
              none="No scheduled audit was missed in the period."
            />
            <ListTools path="/v1/reports/digest" parameters={parameters} hasFiles={false} />
          </>
        )}
      </ResourceView>
    </Document>
  )
}

function Changes({ digest: { from, to, changes, audits } }: { digest: Digest }) {
  const kinds = Object.entries(changes).filter(([, count]) => count > 0)
  return (
    <Block
      title="What changed"
      note={
        <>
          from <Time value={from} /> to <Time value={to} />
        </>
      }
    >
      {kinds.length === 0 ? (
        <p>
          <strong>{audits === 0 ? 'No audit ended, so nothing was checked again.' : 'Nothing changed.'}</strong>
        </p>
      ) : (
        <DataTable
          caption="Differences between the two ends of the period"
          rows={kinds}
          rowKey={([kind]) => kind}
          columns={[
            { head: 'Kind', cell: ([kind]) => kind },
            {
              head: 'Checks',
              isNumber: true,
              cell: ([kind, count]) => (
                <Link to="/drift" query={{ from, to, class: kind }}>
                  {count.toLocaleString('en')}
                </Link>
              ),
            },
          ]}
        />
      )}
    </Block>
  )
}

function NotKnown({ digest: { unknown } }: { digest: Digest }) {
  return (
    <Block title="What is not known">
      {unknown.length === 0 ? (
        <p>Every check has a conclusive outcome that is new enough.</p>
      ) : (
        <DataTable
          caption="Why something is not known"
          rows={unknown}
          rowKey={({ cause }) => cause}
          columns={[
            { head: 'Cause', cell: ({ cause, title }) => <a href={`${href('/unknown')}#${cause}`}>{title}</a> },
            { head: 'How much', isNumber: true, cell: ({ count }) => count.toLocaleString('en') },
            { head: 'Targets', isNumber: true, cell: ({ targets }) => targets.toLocaleString('en') },
          ]}
        />
      )}
    </Block>
  )
}

const kindNames = { certificate: 'Certificate', waiver: 'Waiver', window: 'Window' } as const
type EndingItem = Digest['ending']['items'][number]

function Ending({ digest: { ending } }: { digest: Digest }) {
  const total = Object.values(ending.counts).reduce((sum, count) => sum + count, 0)
  return (
    <Block title="What ends soon">
      {total === 0 ? (
        <p>No certificate, waiver or window ends within 14 days.</p>
      ) : (
        <DataTable<EndingItem>
          caption={
            total > ending.items.length
              ? `The first ${ending.items.length} of ${total} to end`
              : 'The first to end first'
          }
          rows={ending.items}
          rowKey={({ kind, id }) => `${kind} ${id}`}
          columns={[
            { head: 'What', cell: ({ kind }) => kindNames[kind] },
            { head: 'Of', cell: (item) => <EndingLink item={item} /> },
            { head: 'Ends', cell: ({ endsAt }) => <Time value={endsAt} /> },
          ]}
        />
      )}
    </Block>
  )
}

const EndingLink = ({ item: { kind, id, name } }: { item: EndingItem }) =>
  kind === 'certificate' ? (
    <Link to="/certificates" query={{ q: id }}>
      {name}
    </Link>
  ) : (
    <Link to={pageOf(kind, id)}>{name}</Link>
  )
