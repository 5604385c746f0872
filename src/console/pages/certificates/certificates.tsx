import type { Static } from 'typebox'
import type {
  Certificate as CertificateSchema,
  CertificateReport as ReportSchema,
} from '../../../api/routes/reports/schemas/certificates.ts'
import { useResource } from '../../api/resource.ts'
import { ChosenFilters, SearchField } from '../../parts/controls/facets.tsx'
import { EmptyState } from '../../parts/empty-state.tsx'
import { Icon } from '../../parts/icon.tsx'
import { Link } from '../../parts/link.tsx'
import { Listing } from '../../parts/lists/listing.tsx'
import { useNow } from '../../parts/now.ts'
import { Block, Page } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { Verdict } from '../../parts/results/verdict.tsx'
import { Time } from '../../parts/time.tsx'
import { servicePath } from '../../url/base.ts'
import { at, hrefWith, query, queryAll } from '../../url/location.ts'
import { apiPath, uri } from '../../url/parameters.ts'
import { horizonOf, type Stretch } from './horizon.ts'
import './certificates.css'

type Report = Static<typeof ReportSchema>
type Certificate = Static<typeof CertificateSchema>

const path = '/v1/reports/certificates'
const yearMs = 366 * 24 * 60 * 60 * 1000
const horizonLimit = 1000
const soonDays = 30
const shownEndpoints = 3

/** Which certificates end when, and where they are. */
export default function Certificates() {
  const now = useNow()
  const filters = { q: query.value.get('q'), label: queryAll('label'), target: query.value.get('target'), at: at.value }
  const horizon = useResource<Report>(
    apiPath(path, { ...filters, expiresBefore: new Date(now.getTime() + yearMs).toISOString(), limit: horizonLimit }),
  )
  const parameters = { ...filters, expiresBefore: query.value.get('until') }
  return (
    <Page
      title="Certificates"
      lead={horizon.value && sentence(horizon.value)}
      actions={
        <a class="button" href={servicePath(apiPath(path, { ...parameters, format: 'ics' }))} download>
          <Icon name="download" /> Calendar (ICS)
        </a>
      }
    >
      <div class="filters">
        <SearchField title="Certificate" hint="Subject, name or SHA-256" />
        <ChosenFilters names={['label', 'target']} />
        {query.value.get('until') && (
          <Link class="label" url={hrefWith({ until: null })}>
            <span class="visually-hidden">Remove the filter </span>that end before{' '}
            <Time value={query.value.get('until') ?? ''} /> <Icon name="close" />
          </Link>
        )}
      </div>
      <ResourceView of={horizon}>
        {({ items, next }) =>
          items.length > 0 && (
            <Block
              title="The next 12 months"
              note={next ? `the first ${horizonLimit.toLocaleString('en')} that end` : 'ends by month, UTC'}
            >
              <Horizon
                stretches={horizonOf(
                  items.map(({ notAfter }) => notAfter),
                  now,
                )}
              />
            </Block>
          )
        }
      </ResourceView>
      <Listing<Certificate>
        path={path}
        parameters={parameters}
        caption="Certificates that servers show, the first to end first"
        rowKey={({ sha256 }) => sha256}
        columns={columns}
        empty={
          <EmptyState title="No certificate has these filters." next={<Link to="/findings">Open the findings</Link>}>
            Certificates are those that the probes of rules have seen, in each protocol with TLS.
          </EmptyState>
        }
      />
    </Page>
  )
}

function sentence({ items, next }: Report): string {
  const ended = items.filter(({ daysLeft }) => daysLeft < 0).length
  const soon = items.filter(({ daysLeft }) => daysLeft >= 0 && daysLeft < soonDays).length
  const more = next ? 'more than ' : ''
  return `${ended.toLocaleString('en')} ended, ${soon.toLocaleString('en')} end within ${soonDays} days, ${more}${items.length.toLocaleString('en')} by the end of the next 12 months.`
}

/** A bar for each month; each shows what ends until its end. */
function Horizon({ stretches }: { stretches: readonly Stretch[] }) {
  const highest = Math.max(1, ...stretches.map(({ count }) => count))
  return (
    <ol class="horizon card" aria-label="Certificates that end, by month">
      {stretches.map(({ from, to, label, count }, i) => (
        <li key={to}>
          <Link url={hrefWith({ until: to })} current={query.value.get('until') === to}>
            <svg aria-hidden="true">
              <rect
                class="mark"
                data-result={from === null ? 'fail' : i < 2 ? 'unknown' : 'pass'}
                width="100%"
                y={`${100 - (count / highest) * 100}%`}
                height={`${(count / highest) * 100}%`}
              />
            </svg>
            {label} <span class="count">{count.toLocaleString('en')}</span>
          </Link>
        </li>
      ))}
    </ol>
  )
}

const columns = [
  { head: 'Ends', cell: (item: Certificate) => <Ends item={item} /> },
  {
    head: 'Certificate',
    cell: ({ subject, sans, sha256 }: Certificate) => (
      <div>
        <strong>{subject || 'no subject'}</strong>
        <br />
        <small class="faint">{sans.join(', ') || 'no names'}</small>
        <br />
        <code>{sha256.slice(0, 16)}</code>
      </div>
    ),
  },
  {
    head: 'Issuer',
    cell: ({ issuer, selfSigned }: Certificate) => (selfSigned ? 'itself (self-signed)' : issuer),
  },
  { head: 'Trust', cell: (item: Certificate) => <Trust item={item} /> },
  { head: 'Seen at', cell: (item: Certificate) => <Endpoints item={item} /> },
]

function Ends({ item: { daysLeft, notAfter } }: { item: Certificate }) {
  const days = `${Math.abs(daysLeft).toLocaleString('en')} ${Math.abs(daysLeft) === 1 ? 'day' : 'days'}`
  return (
    <div>
      {daysLeft < 0 ? (
        <Verdict result="fail" text="Ended" />
      ) : (
        <Verdict result={daysLeft < soonDays ? 'unknown' : 'pass'} text={`${days} left`} />
      )}
      <br />
      <Time value={notAfter} />
    </div>
  )
}

function Trust({ item: { trusted, trustError, nameMatches } }: { item: Certificate }) {
  if (trusted === null) return <>not examined</>
  return (
    <div>
      <Verdict result={trusted ? 'pass' : 'fail'} text={trusted ? 'Trusted' : 'Not trusted'} />
      {trustError && (
        <>
          <br />
          <small class="faint">{trustError}</small>
        </>
      )}
      {nameMatches === false && (
        <>
          <br />
          <small class="faint">does not name each host</small>
        </>
      )}
    </div>
  )
}

function Endpoints({ item: { seen, targets } }: { item: Certificate }) {
  const more = targets - new Set(seen.slice(0, shownEndpoints).map(({ target }) => target)).size
  return (
    <ul>
      {seen.slice(0, shownEndpoints).map(({ target, address, port }) => (
        <li key={`${target} ${address} ${port}`}>
          <Link to={uri`/targets/${target}`}>{target}</Link>{' '}
          <small class="faint">
            {address} port {port}
          </small>
        </li>
      ))}
      {more > 0 && (
        <li class="faint">
          and {more.toLocaleString('en')} more {more === 1 ? 'target' : 'targets'}
        </li>
      )}
    </ul>
  )
}
