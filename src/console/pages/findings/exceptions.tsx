import { Link } from '../../parts/link.tsx'
import { DataTable } from '../../parts/lists/data-table.tsx'
import { Block } from '../../parts/page.tsx'
import { shownResult } from '../../parts/results/results.ts'
import { State, Verdict } from '../../parts/results/verdict.tsx'
import { Time } from '../../parts/time.tsx'
import { uri } from '../../url/parameters.ts'
import type { Detail } from './current-finding.ts'

/** The windows and waivers for rule and target. */
export function Exceptions({ detail: { windows, waivers } }: { detail: Detail }) {
  if (windows.length + waivers.length === 0) return null
  return (
    <Block title="Windows and waivers">
      {windows.length > 0 && (
        <DataTable
          caption="Windows, newest first: the port may be open in them"
          rows={windows}
          rowKey={({ id }) => id}
          columns={[
            { head: 'State', cell: ({ id, state }) => <Link to={uri`/windows/${id}`}>{state}</Link> },
            { head: 'Ticket', cell: ({ ticket }) => ticket },
            { head: 'Reason', cell: ({ reason }) => reason },
            { head: 'From', cell: ({ from }) => <Time value={from} /> },
            { head: 'To', cell: ({ to }) => <Time value={to} /> },
          ]}
        />
      )}
      {waivers.length > 0 && (
        <DataTable
          caption="Waivers, newest first: the failure is accepted until they end"
          rows={waivers}
          rowKey={({ id }) => id}
          columns={[
            { head: 'State', cell: ({ id, state }) => <Link to={uri`/waivers/${id}`}>{state}</Link> },
            { head: 'Reason', cell: ({ reason }) => reason },
            { head: 'Ends', cell: ({ expiresAt }) => <Time value={expiresAt} /> },
          ]}
        />
      )}
    </Block>
  )
}

/** The newest audits that observed it. */
export function AuditsOf({ audits }: { audits: Detail['audits'] }) {
  if (audits.length === 0) return null
  return (
    <Block title="Audits" note={`the newest ${audits.length}`}>
      <DataTable
        caption="What each audit observed, newest first"
        rows={audits}
        rowKey={({ id }) => id}
        columns={[
          {
            head: 'Observed',
            cell: ({ id, observedAt }) => (
              <Link to={uri`/audits/${id}`}>
                <Time value={observedAt} />
              </Link>
            ),
          },
          { head: 'Result', cell: ({ result }) => <Verdict result={shownResult(result)} /> },
          { head: 'State', cell: ({ state }) => <State state={state} /> },
          { head: 'Trigger', cell: ({ trigger }) => trigger },
          { head: 'Ticket', cell: ({ correlationId }) => correlationId },
        ]}
      />
    </Block>
  )
}
