import { useMemo } from 'preact/hooks'
import type { Static } from 'typebox'
import type { Policy as PolicySchema } from '../../../api/routes/policies/schemas.ts'
import type { Vantage as VantageSchema } from '../../../api/routes/vantages/schemas.ts'
import { useResource } from '../../api/resource.ts'
import { EmptyState } from '../../parts/empty-state.tsx'
import { whyNotAllowed } from '../../parts/forms/permission.ts'
import { Link } from '../../parts/link.tsx'
import { DataTable } from '../../parts/lists/data-table.tsx'
import { ListTools } from '../../parts/lists/listing.tsx'
import { Block, Page } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { SpanBar } from '../../parts/results/span-bar.tsx'
import { Verdict } from '../../parts/results/verdict.tsx'
import { formatDuration, Time } from '../../parts/time.tsx'
import { query, setQuery } from '../../url/location.ts'
import { uri } from '../../url/parameters.ts'
import { AddAgent } from './add-agent.tsx'
import { type Absence, presenceDays, presenceOf, type Shown } from './presence.ts'
import { RemoveVantage } from './remove-vantage.tsx'
import { type UnseenZone, unseenZones } from './zones.ts'

type Vantage = Static<typeof VantageSchema>
type Policy = Static<typeof PolicySchema>

/** Where probes are made from, and the zones of rules from which nothing probes. */
export default function Vantages() {
  const vantages = useResource<{ items: Vantage[] }>('/v1/vantages?limit=500')
  const shown = useMemo(() => lastDays(), [])
  const absences = useResource<{ items: Absence[] }>(uri`/v1/absences?from=${shown.from}&limit=500`)
  const policies = useResource<{ items: Policy[] }>('/v1/policies?limit=500')
  const reason = whyNotAllowed('admin')
  const unseen = policies.value && vantages.value ? unseenZones(policies.value.items, vantages.value.items) : []
  return (
    <Page
      title="Vantages"
      lead="Where probes are made from. A rule names the zones from which it must be checked."
      actions={
        <button
          type="button"
          class="primary"
          disabled={reason !== undefined}
          title={reason}
          onClick={() => setQuery({ add: 'agent' })}
        >
          Add an agent
        </button>
      }
    >
      <Block title="State" note="As it is now, also while the page shows the past">
        <ResourceView of={vantages}>
          {({ items }) =>
            items.length === 0 ? (
              <EmptyState title="There is no vantage.">
                Nothing can be checked until a worker or an agent runs.
              </EmptyState>
            ) : (
              <VantageTable
                vantages={items}
                absences={absences.value?.items}
                shown={shown}
                onRemove={vantages.reload}
              />
            )
          }
        </ResourceView>
      </Block>
      <Block title="Zones without a vantage">
        <ResourceView of={policies}>
          {({ items }) => <ZoneTable zones={unseenZones(items, vantages.value?.items ?? [])} />}
        </ResourceView>
      </Block>
      {query.value.get('add') === 'agent' && !reason && (
        <AddAgent
          zones={unseen.map(({ zone }) => zone)}
          onClose={() => {
            setQuery({ add: null })
            vantages.reload()
          }}
        />
      )}
    </Page>
  )
}

function lastDays(): Shown {
  const now = Date.now()
  return { from: new Date(now - presenceDays * 86_400_000).toISOString(), to: new Date(now).toISOString() }
}

interface TableProps {
  vantages: readonly Vantage[]
  /** Undefined while they are loaded. */
  absences: readonly Absence[] | undefined
  shown: Shown
  onRemove: () => void
}

function VantageTable({ vantages, absences, shown, onRemove }: TableProps) {
  const reason = whyNotAllowed('admin')
  const presence = ({ name, lastSeenAt }: Vantage) =>
    absences && lastSeenAt ? (
      <PastPresence name={name} absences={absences.filter(({ vantage }) => vantage === name)} shown={shown} />
    ) : null
  return (
    <>
      <DataTable
        caption="Vantages by name"
        rows={vantages}
        rowKey={({ name }) => name}
        columns={[
          { head: 'Vantage', cell: ({ name }) => <strong>{name}</strong> },
          { head: 'State', cell: (vantage) => <Presence vantage={vantage} /> },
          { head: `Last ${presenceDays} days`, cell: presence },
          { head: 'Zones', cell: ({ zones }) => zones.join(', ') },
          { head: 'Kind', cell: ({ kind, version }) => (version === null ? kind : `${kind} ${version}`) },
          { head: 'Last seen', cell: ({ lastSeenAt }) => (lastSeenAt ? <Time value={lastSeenAt} /> : 'never') },
          { head: 'Batches', cell: queueText },
          ...(reason
            ? []
            : [
                { head: 'Change', cell: (vantage: Vantage) => <RemoveVantage vantage={vantage} onRemove={onRemove} /> },
              ]),
        ]}
      />
      <ListTools path="/v1/vantages" hasFiles={false} />
    </>
  )
}

/** Whether the vantage works: absent, cut off from its network, or present. */
function Presence({ vantage: { absent, lastSeenAt, canary } }: { vantage: Vantage }) {
  if (absent) return <Verdict result="unknown" text={lastSeenAt ? 'Absent' : 'Not started yet'} />
  const [result, text, more] =
    canary === 'offline'
      ? (['unknown', 'Offline', 'no canary responds'] as const)
      : (['pass', 'Present', canary === 'online' ? 'canaries respond' : ''] as const)
  return (
    <div>
      <Verdict result={result} text={text} /> {more}
    </div>
  )
}

function PastPresence({ name, absences, shown }: { name: string; absences: readonly Absence[]; shown: Shown }) {
  const { spans, absentMs } = presenceOf(absences, shown)
  const times = absences.length === 1 ? 'once' : `${absences.length} times`
  return (
    <>
      <SpanBar label={`Presence of ${name}`} {...shown} spans={spans} />
      <small>{absences.length === 0 ? 'Never absent' : `Absent ${times}, ${formatDuration(absentMs)}`}</small>
    </>
  )
}

function queueText({ queueDepth: { waiting, running }, lagSeconds }: Vantage): string {
  if (waiting + running === 0) return 'none'
  const lag = waiting > 0 ? `, the oldest for ${formatDuration(lagSeconds * 1000)}` : ''
  return `${running} running, ${waiting} waiting${lag}`
}

function ZoneTable({ zones }: { zones: readonly UnseenZone[] }) {
  if (zones.length === 0) return <p>Every zone that a rule names has a vantage.</p>
  return (
    <DataTable
      caption="Rules are not checked from these zones, unless they accept indirect evidence"
      rows={zones}
      rowKey={({ zone }) => zone}
      columns={[
        { head: 'Zone', cell: ({ zone }) => <strong>{zone}</strong> },
        { head: 'State', cell: () => <Verdict result="notchecked" text="No vantage" /> },
        {
          head: 'Rules',
          cell: ({ policies }) => (
            <ul>
              {policies.map(({ name, rules }) => (
                <li key={name}>
                  <Link to={uri`/policies/${name}`}>{name}</Link>: {rules.join(', ')}
                </li>
              ))}
            </ul>
          ),
        },
      ]}
    />
  )
}
