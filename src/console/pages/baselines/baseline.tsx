import { useState } from 'preact/hooks'
import { send } from '../../api/client.ts'
import { mayAny } from '../../api/me.ts'
import { useResource } from '../../api/resource.ts'
import { me } from '../../api/session.ts'
import { Actor } from '../../parts/actor.tsx'
import { Confirm } from '../../parts/controls/confirm.tsx'
import { EmptyState } from '../../parts/empty-state.tsx'
import { Link } from '../../parts/link.tsx'
import { DataTable } from '../../parts/lists/data-table.tsx'
import { ListPage, listPath } from '../../parts/lists/listing.tsx'
import { useEnd } from '../../parts/now.ts'
import { OnlyNow } from '../../parts/only-now.tsx'
import { Block, Page, type PageProps } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { Time } from '../../parts/time.tsx'
import { at, href, navigate } from '../../url/location.ts'
import { uri } from '../../url/parameters.ts'
import { driftColumns, type Item } from '../drift/columns.tsx'
import type { Baseline } from './baselines.tsx'
import '../drift/drift.css'

/** A baseline: who approved it, what differs from it now, and the acceptance of differences. */
export default function BaselinePage({ params: { name = '' } }: PageProps) {
  const path = uri`/v1/baselines/${name}`
  const end = useEnd()
  const period = { from: `baseline:${name}`, to: end.toISOString() }
  const baseline = useResource<Baseline>(at.value ? undefined : path)
  const drift = useResource<{ items: Item[]; next: string | null }>(
    at.value ? undefined : listPath('/v1/reports/drift', period),
  )
  const [chosen, setChosen] = useState<readonly string[]>([])
  const [open, setOpen] = useState<'accept' | 'remove'>()
  if (at.value) return <OnlyNow title="Baselines" />
  const mayChange = mayAny(me.value, 'waivers:approve')
  const items = drift.value?.items ?? []
  const accepted = items.filter(({ fingerprint }) => chosen.includes(fingerprint))
  const toggle = (fingerprint: string) =>
    setChosen(chosen.includes(fingerprint) ? chosen.filter((one) => one !== fingerprint) : [...chosen, fingerprint])
  const accept = async (reason: string) => {
    const series = accepted.map(({ target, policy, rule, vantage }) => ({ target, policy, rule, vantage }))
    await send('POST', `${path}/approve`, { reason, items: series })
    setChosen([])
    baseline.reload()
    drift.reload()
  }
  const remove = async () => {
    await send('DELETE', path)
    navigate(href('/baselines'))
  }
  return (
    <Page
      title={name}
      lead="An approved snapshot, and what differs from it now."
      actions={
        mayChange && (
          <>
            <button type="button" onClick={() => setOpen('remove')}>
              Remove
            </button>
            <button type="button" class="primary" disabled={accepted.length === 0} onClick={() => setOpen('accept')}>
              Accept {accepted.length > 0 && `${accepted.length} `}into the baseline
            </button>
          </>
        )
      }
    >
      <Block title="Differs now" note={mayChange && 'Choose what to accept'}>
        <ResourceView of={drift}>
          {(page) => (
            <div class="block drift">
              <ListPage<Item>
                page={page}
                path="/v1/reports/drift"
                parameters={period}
                caption="Changes since the baseline: before on the left, after on the right"
                rowKey={({ fingerprint }) => fingerprint}
                columns={mayChange ? [choiceColumn(chosen, toggle), ...driftColumns] : driftColumns}
                empty={<EmptyState title="Nothing differs from the baseline." />}
              />
            </div>
          )}
        </ResourceView>
      </Block>
      <Block title="Approvals">
        <ResourceView of={baseline}>{(shown) => <Approvals baseline={shown} />}</ResourceView>
      </Block>
      {open === 'accept' && (
        <Confirm
          title="Accept into the baseline?"
          button="Accept into the baseline"
          reason="Why it is accepted"
          isReasonNeeded
          onConfirm={accept}
          onClose={() => setOpen(undefined)}
        >
          <p>
            What is true now of {accepted.length === 1 ? 'one finding' : `${accepted.length} findings`} becomes what is
            approved.
          </p>
        </Confirm>
      )}
      {open === 'remove' && (
        <Confirm
          title="Remove the baseline?"
          button="Remove baseline"
          onConfirm={remove}
          onClose={() => setOpen(undefined)}
        >
          <p>Its approvals stay in the ledger. Nothing can be compared with it any more.</p>
        </Confirm>
      )}
    </Page>
  )
}

const choiceColumn = (chosen: readonly string[], toggle: (fingerprint: string) => void) => ({
  head: 'Accept',
  cell: ({ fingerprint, target, rule }: Item) => (
    <input
      type="checkbox"
      aria-label={`Accept ${rule} of ${target}`}
      checked={chosen.includes(fingerprint)}
      onChange={() => toggle(fingerprint)}
    />
  ),
})

function Approvals({ baseline: { approvals, auditId } }: { baseline: Baseline }) {
  return (
    <>
      <p>
        It began with the findings of <Link to={uri`/audits/${auditId}`}>an audit</Link>.
      </p>
      <DataTable
        caption="Approvals, newest first"
        rows={approvals}
        rowKey={({ at: time, items, approvedBy }) => `${time} ${items} ${approvedBy}`}
        columns={[
          { head: 'When', cell: (approval) => <Time value={approval.at} /> },
          { head: 'By', cell: ({ approvedBy, approvedByName }) => <Actor id={approvedBy} name={approvedByName} /> },
          { head: 'Findings', isNumber: true, cell: ({ items }) => items.toLocaleString('en') },
          { head: 'Reason', cell: ({ reason }) => reason },
        ]}
      />
    </>
  )
}
