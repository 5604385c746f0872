import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'
import type { Static } from 'typebox'
import type { SearchResults as ResultsSchema } from '../../../api/routes/search/schemas.ts'
import { useResource } from '../../api/resource.ts'
import { SearchField } from '../../parts/controls/facets.tsx'
import { EmptyState } from '../../parts/empty-state.tsx'
import { Link } from '../../parts/link.tsx'
import { Block, Page } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { AuditVerdict } from '../../parts/results/verdict.tsx'
import { Time } from '../../parts/time.tsx'
import { query } from '../../url/location.ts'
import { apiPath, uri } from '../../url/parameters.ts'
import { vantageText } from '../findings/current-finding.ts'

type Results = Static<typeof ResultsSchema>

const leastLetters = 2
const shownOfKind = 8

/** Finds anything by a part of its name, or by the beginning of its id. */
export default function Search() {
  const q = query.value.get('q')?.trim() ?? ''
  const isLongEnough = q.length >= leastLetters
  useEffect(() => {
    if (q === '') document.querySelector<HTMLInputElement>('main input[type=search]')?.focus() // there is nothing else to do here
  }, [])
  const results = useResource<Results>(isLongEnough ? apiPath('/v1/search', { q }) : undefined)
  return (
    <Page title="Search" lead="As it is now, also while the page shows the past.">
      <div class="filters">
        <SearchField title="Find" hint="Name, address, ticket, rule, id, SHA-256" />
      </div>
      {isLongEnough ? (
        <ResourceView of={results}>{(value) => <Groups results={value} text={q} />}</ResourceView>
      ) : (
        <EmptyState title={`Type at least ${leastLetters} letters.`}>
          Targets, tickets, rules and certificates are found by a part of their name, targets also by an address to
          which their name resolved; audits, findings and certificates by the beginning of their id or SHA-256.
        </EmptyState>
      )}
    </Page>
  )
}

function Groups({ results, text }: { results: Results; text: string }) {
  if (Object.values(results).every((items) => items.length === 0))
    return (
      <EmptyState title="Nothing has this text." next={<Link to="/targets">Open the targets</Link>}>
        Ids are found by their first four or more digits.
      </EmptyState>
    )
  return (
    <div class="columns">
      <Group
        title="Targets"
        items={results.targets}
        more={
          <Link to="/targets" query={{ q: text }}>
            All in the list
          </Link>
        }
      >
        {({ name, address, externalId }) => (
          <Result
            key={name}
            to={uri`/targets/${name}`}
            text={name}
            note={[addressText(address, text), externalId].filter(Boolean).join(', ')}
          />
        )}
      </Group>
      <Group title="Tickets" items={results.tickets}>
        {({ ticket, audits, windows, lastAt }) => (
          <Result
            key={ticket}
            to={uri`/tickets/${ticket}`}
            text={ticket}
            note={
              <>
                {counted(audits, 'audit')}, {counted(windows, 'window')}, <Time value={lastAt} />
              </>
            }
          />
        )}
      </Group>
      <Group title="Audits" items={results.audits}>
        {({ id, policy, verdict, createdAt }) => (
          <Result
            key={id}
            to={uri`/audits/${id}`}
            text={id}
            note={
              <>
                <AuditVerdict verdict={verdict} status={verdict ? 'completed' : 'running'} /> {policy},{' '}
                <Time value={createdAt} />
              </>
            }
          />
        )}
      </Group>
      <Group title="Findings" items={results.findings}>
        {({ fingerprint, target, policy, rule, vantage }) => (
          <Result
            key={fingerprint}
            to={uri`/findings/${fingerprint}`}
            text={`${target} · ${rule}`}
            note={`${policy}, from ${vantageText({ vantage })}`}
          />
        )}
      </Group>
      <Group title="Rules" items={results.rules}>
        {({ policy, rule, title }) => (
          <li key={`${policy}/${rule}`}>
            <Link to={uri`/policies/${policy}`} hash={rule}>
              {rule}
            </Link>{' '}
            <span class="faint">
              {title}, {policy}
            </span>
          </li>
        )}
      </Group>
      <Group title="Certificates" items={results.certificates}>
        {({ sha256, subject, notAfter, targets }) => (
          <li key={sha256}>
            <Link to="/certificates" query={{ q: sha256 }}>
              {subject || sha256}
            </Link>{' '}
            <span class="faint">
              ends <Time value={notAfter} />, {counted(targets, 'target')}
            </span>
          </li>
        )}
      </Group>
    </div>
  )
}

/** An address; of a name that was found by another address, with that. */
const addressText = (address: string, text: string) =>
  /^[\da-f:.]*[.:][\da-f:.]*$/i.test(text) && !/^[\da-f:.]+$/i.test(address)
    ? `${address}, resolved to ${text}`
    : address

const counted = (count: number, what: string) => `${count} ${count === 1 ? what : `${what}s`}`

function Group<T>({
  title,
  items,
  more,
  children,
}: {
  title: string
  items: readonly T[]
  more?: ComponentChildren
  children: (item: T) => ComponentChildren
}) {
  if (items.length === 0) return null
  const isCut = items.length === shownOfKind
  return (
    <Block
      title={title}
      note={
        isCut && (
          <>
            The best {shownOfKind}. {more}
          </>
        )
      }
    >
      <ul class="card changes">{items.map(children)}</ul>
    </Block>
  )
}

const Result = ({ to, text, note }: { to: string; text: string; note: ComponentChildren }) => (
  <li>
    <Link to={to}>{text}</Link> <span class="faint">{note}</span>
  </li>
)
