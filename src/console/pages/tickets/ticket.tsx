import { useResource } from '../../api/resource.ts'
import { EmptyState } from '../../parts/empty-state.tsx'
import { whyNotAllowed } from '../../parts/forms/permission.ts'
import { Link } from '../../parts/link.tsx'
import { DataTable } from '../../parts/lists/data-table.tsx'
import { CopyButton, ListTools } from '../../parts/lists/listing.tsx'
import { Block, Page, type PageProps } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { Verdict } from '../../parts/results/verdict.tsx'
import { formatTime, Time } from '../../parts/time.tsx'
import { at } from '../../url/location.ts'
import { apiPath, uri } from '../../url/parameters.ts'
import { auditColumns } from '../audits/columns.tsx'
import { type Audit, type Closing, closingOf, type Happening, timeLineOf, type Waiver, type Window } from './closing.ts'
import { TicketChanges } from './ticket-changes.tsx'

interface Items<T> {
  items: T[]
}

/** What happened under the number of a change ticket, and whether it can be closed. */
export default function TicketPage({ params: { id = '' } }: PageProps) {
  const limit = 100
  const parameters = { correlationId: id, to: at.value, limit }
  const audits = useResource<Items<Audit>>(apiPath('/v1/audits', parameters))
  const windows = useResource<Items<Window>>(apiPath('/v1/windows', { ticket: id, limit }))
  const waivers = useResource<Items<Waiver>>(apiPath('/v1/waivers', { limit: 1000 }))
  const ticket = audits.value &&
    windows.value && {
      audits: audits.value.items,
      windows: windows.value.items.filter(wasThere),
      waivers: (waivers.value?.items ?? []).filter(
        (waiver) => wasThere(waiver) && (waiver.ticket === id || waiver.reason.includes(id)),
      ),
    }
  const closing = ticket && closingOf(ticket.audits, ticket.windows)
  return (
    <Page
      title={`Ticket ${id}`}
      lead={closing && <ClosingSentence closing={closing} />}
      actions={
        ticket &&
        closing && (
          <>
            {!whyNotAllowed('audits:run') && <AuditAgain ticket={id} newest={ticket.audits[0]} />}
            <CopyButton text={textOf(id, closing, timeLineOf(ticket))}>Copy text for the ticket</CopyButton>
            <button type="button" onClick={() => print()}>
              Print
            </button>
          </>
        )
      }
    >
      <ResourceView of={windows}>{() => null}</ResourceView>
      <ResourceView of={waivers}>{() => null}</ResourceView>
      <ResourceView of={audits}>
        {() =>
          ticket && (ticket.audits.length > 0 || ticket.windows.length > 0) ? (
            <>
              <TimeLine happenings={timeLineOf(ticket)} />
              {ticket.audits.length > 0 && (
                <>
                  <TicketChanges audits={ticket.audits} />
                  <Audits audits={ticket.audits} />
                </>
              )}
            </>
          ) : (
            <EmptyState title="Nothing has this number." next={<Link to="/audits/new">Start an audit</Link>}>
              An audit has it as its correlation id, a window as its ticket. Both are found by the whole number.
            </EmptyState>
          )
        }
      </ResourceView>
      <ListTools path="/v1/audits" parameters={parameters} hasFiles={false} />
    </Page>
  )
}

/** Leads to the form of an audit under the same ticket, filled in from the newest one. */
function AuditAgain({ ticket, newest }: { ticket: string; newest: Audit | undefined }) {
  const findings = useResource<Items<{ target: string }>>(
    newest && apiPath(uri`/v1/audits/${newest.id}/findings`, { limit: 1000 }),
  )
  const targets = [...new Set(findings.value?.items.map(({ target }) => target))]
  return (
    <Link
      class="button primary"
      to="/audits/new"
      query={{
        ticket,
        policy: newest?.policy.name,
        target: newest?.selection.targets === targets.length ? targets : [],
      }}
    >
      {newest ? 'Audit again' : 'Audit now'}
    </Link>
  )
}

const wasThere = ({ createdAt }: { createdAt: string }) => !at.value || Date.parse(createdAt) <= Date.parse(at.value)

const words = (closing: Closing) =>
  closing.mayClose === null ? 'Not known' : closing.mayClose ? 'Can be closed' : 'Not yet'

function ClosingSentence({ closing }: { closing: Closing }) {
  const result = closing.mayClose === null ? 'unknown' : closing.mayClose ? 'pass' : 'fail'
  return (
    <>
      <Verdict result={result} text={words(closing)} /> {closing.why}
    </>
  )
}

/** The text for the ticket system, with the page as its proof. */
const textOf = (id: string, closing: Closing, happenings: readonly Happening[]): string =>
  [
    `${id}: ${words(closing)}. ${closing.why}`,
    ...happenings.map(({ at: time, text }) => `- ${formatTime(time)}: ${text}`),
    location.href,
  ].join('\n')

function TimeLine({ happenings }: { happenings: readonly Happening[] }) {
  return (
    <Block title="What happened">
      <ol class="card changes">
        {happenings.map(({ at: time, id, text, audit }) => (
          <li key={id} class="finding-row">
            <Time value={time} /> {audit ? <Link to={uri`/audits/${audit}`}>{text}</Link> : text}
          </li>
        ))}
      </ol>
    </Block>
  )
}

function Audits({ audits }: { audits: readonly Audit[] }) {
  return (
    <Block title="Audits">
      <DataTable
        caption="Audits with this number, newest first"
        rows={audits}
        rowKey={({ id }) => id}
        columns={[
          ...auditColumns,
          { head: 'Policy', cell: ({ policy }) => `${policy.name} version ${policy.version}` },
          { head: 'Reason', cell: ({ reason }) => reason },
        ]}
      />
    </Block>
  )
}
