import { useRef, useState } from 'preact/hooks'
import type { Static } from 'typebox'
import type { Audit } from '../../../api/routes/audits/schemas.ts'
import type { Baseline as BaselineSchema } from '../../../api/routes/reports/schemas/baselines.ts'
import type { DriftReport } from '../../../api/routes/reports/schemas/drift.ts'
import { asProblemError, send } from '../../api/client.ts'
import { mayAny } from '../../api/me.ts'
import type { ProblemError } from '../../api/problem.ts'
import { useResource } from '../../api/resource.ts'
import { me } from '../../api/session.ts'
import { Actor } from '../../parts/actor.tsx'
import { Dialog } from '../../parts/controls/dialog.tsx'
import { EmptyState } from '../../parts/empty-state.tsx'
import { Link } from '../../parts/link.tsx'
import { Listing } from '../../parts/lists/listing.tsx'
import { useEnd } from '../../parts/now.ts'
import { OnlyNow } from '../../parts/only-now.tsx'
import { Page } from '../../parts/page.tsx'
import { ProblemBlock } from '../../parts/problem-block.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { formatTime, Time } from '../../parts/time.tsx'
import { at, href, navigate } from '../../url/location.ts'
import { apiPath, uri } from '../../url/parameters.ts'
import { summaryText } from '../drift/nights.ts'

export type Baseline = Static<typeof BaselineSchema>

/** The approved snapshots, and what differs from each now. */
export default function Baselines() {
  const [isOpen, setOpen] = useState(false)
  if (at.value) return <OnlyNow title="Baselines" />
  const create = mayAny(me.value, 'waivers:approve') && (
    <button type="button" class="primary" onClick={() => setOpen(true)}>
      Set a baseline
    </button>
  )
  return (
    <Page title="Baselines" lead="Approved snapshots, and what differs from them now." actions={create}>
      <Listing<Baseline>
        path="/v1/baselines"
        hasFiles={false}
        caption="Baselines by name"
        rowKey={({ name }) => name}
        columns={[
          { head: 'Baseline', cell: ({ name }) => <Link to={uri`/baselines/${name}`}>{name}</Link> },
          { head: 'Findings', isNumber: true, cell: (baseline) => heldBy(baseline).toLocaleString('en') },
          { head: 'Drift now', cell: ({ name }) => <DriftNow name={name} /> },
          {
            head: 'Last approved',
            cell: ({ approvals: [newest] }) =>
              newest && (
                <span>
                  <Time value={newest.at} /> by <Actor id={newest.approvedBy} name={newest.approvedByName} />
                </span>
              ),
          },
          { head: 'Reason', cell: ({ approvals: [newest] }) => newest?.reason },
        ]}
        empty={
          <EmptyState title="There are no baselines yet." next={create}>
            A baseline approves what an audit found, so that later drift is measured against it.
          </EmptyState>
        }
      />
      {isOpen && <SetBaseline onClose={() => setOpen(false)} />}
    </Page>
  )
}

/** How many findings were approved as a whole. */
export const heldBy = ({ approvals }: Baseline): number => approvals.at(-1)?.items ?? 0

/** The kinds of changes since a baseline, as a link to them. */
export function DriftNow({ name }: { name: string }) {
  const end = useEnd()
  const report = useResource<Static<typeof DriftReport>>(
    apiPath('/v1/reports/drift', { from: `baseline:${name}`, to: end.toISOString(), limit: 1 }),
  )
  return (
    <ResourceView of={report}>
      {({ summary }) => (
        <Link to="/drift" query={{ from: `baseline:${name}` }}>
          {summaryText(summary)}
        </Link>
      )}
    </ResourceView>
  )
}

/** Approves the findings of a completed audit under a name. */
function SetBaseline({ onClose }: { onClose(): void }) {
  const audits = useResource<{ items: Static<typeof Audit>[] }>('/v1/audits?status=completed&limit=20')
  const [audit, setAudit] = useState('')
  const [name, setName] = useState('')
  const [reason, setReason] = useState('')
  const [problem, setProblem] = useState<ProblemError>()
  const attempt = useRef(crypto.randomUUID())
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    setProblem(undefined)
    try {
      const headers = { 'idempotency-key': attempt.current }
      const body = { name, reason, audit: audit || audits.value?.items[0]?.id }
      await send('POST', '/v1/baselines', body, { headers })
      navigate(href(uri`/baselines/${name}`))
    } catch (error) {
      attempt.current = crypto.randomUUID()
      setProblem(asProblemError(error))
    }
  }
  return (
    <Dialog title="Set a baseline" onClose={onClose}>
      <ResourceView of={audits}>
        {({ items }) => (
          <form class="form" onSubmit={(event) => void submit(event)}>
            <label>
              What was found by the audit
              <select
                required
                value={audit || items[0]?.id}
                onChange={({ currentTarget }) => setAudit(currentTarget.value)}
              >
                {items.map(({ id, policy, progress, finishedAt }) => (
                  <option key={id} value={id}>
                    {policy.name}, {progress.total} findings, {finishedAt && formatTime(finishedAt)}
                  </option>
                ))}
              </select>
            </label>
            <label>
              Name
              <input
                required
                maxLength={100}
                pattern="[a-z0-9]([a-z0-9._\-]*[a-z0-9])?"
                title="Lower-case letters, digits, dots and hyphens"
                placeholder="approved-2026-11"
                value={name}
                onInput={({ currentTarget }) => setName(currentTarget.value)}
              />
            </label>
            <label>
              Reason
              <textarea
                rows={2}
                required
                maxLength={1000}
                value={reason}
                onInput={({ currentTarget }) => setReason(currentTarget.value)}
              />
            </label>
            {problem && <ProblemBlock problem={problem} />}
            <button type="submit" class="primary" disabled={items.length === 0}>
              Approve as baseline
            </button>
          </form>
        )}
      </ResourceView>
    </Dialog>
  )
}
