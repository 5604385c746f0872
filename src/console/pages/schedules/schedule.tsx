import type { Static } from 'typebox'
import type { Audit as AuditSchema } from '../../../api/routes/audits/schemas.ts'
import type { ScheduleRun } from '../../../api/routes/schedules/schemas.ts'
import { textOf } from '../../../domain/targets.ts'
import { send } from '../../api/client.ts'
import { useResource } from '../../api/resource.ts'
import { ConfirmButton } from '../../parts/controls/confirm-button.tsx'
import { EmptyState } from '../../parts/empty-state.tsx'
import { whyNotAllowed } from '../../parts/forms/permission.ts'
import { useSubmission } from '../../parts/forms/submission.ts'
import { KeyValues } from '../../parts/key-values.tsx'
import { Link } from '../../parts/link.tsx'
import { Listing } from '../../parts/lists/listing.tsx'
import { Block, Page, type PageProps } from '../../parts/page.tsx'
import { ProblemBlock } from '../../parts/problem-block.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { Verdict } from '../../parts/results/verdict.tsx'
import { formatDuration, Time } from '../../parts/time.tsx'
import { href, navigate } from '../../url/location.ts'
import { uri } from '../../url/parameters.ts'
import { outcomeNames } from './nights.ts'
import { Nights, PolicyLink, type Schedule, When } from './schedules.tsx'
import './schedules.css'

type Run = Static<typeof ScheduleRun>

/** A schedule: when, what, its next runs, and its runs so far. */
export default function SchedulePage({ params: { name = '' } }: PageProps) {
  const path = uri`/v1/schedules/${name}`
  const schedule = useResource<Schedule>(path)
  const { value } = schedule
  return (
    <Page title={name} actions={value && <Actions schedule={value} onChange={schedule.reload} />}>
      <ResourceView of={schedule}>{(shown) => <Facts schedule={shown} />}</ResourceView>
      <Block title="Runs">
        <Listing<Run>
          path={`${path}/runs`}
          hasFiles={false}
          caption="Runs, newest first"
          rowKey={({ dueAt }) => dueAt}
          columns={[
            { head: 'Due', cell: ({ dueAt }) => <Time value={dueAt} /> },
            { head: 'Outcome', cell: (run) => <Outcome run={run} /> },
            { head: 'Audit', cell: ({ audit }) => audit && <Link to={uri`/audits/${audit}`}>Open the audit</Link> },
            { head: 'Reason', cell: ({ reason }) => reason },
          ]}
          empty={<EmptyState title="There was no run yet." />}
        />
      </Block>
    </Page>
  )
}

function Outcome({ run: { outcome } }: { run: Run }) {
  const text = outcomeNames[outcome]
  if (outcome === 'refused') return <Verdict result="error" text={text} />
  if (outcome === 'audit' || outcome === 'caught-up') return <Verdict result="pass" text={text} />
  return <Verdict result="unknown" text={text} />
}

function Facts({ schedule }: { schedule: Schedule }) {
  const { timeZone, audit, jitterSeconds, overlap, missed, enabled, next, updatedAt } = schedule
  const inZone = new Intl.DateTimeFormat('en-GB', { timeZone, dateStyle: 'medium', timeStyle: 'short' })
  return (
    <div class="columns">
      <Block title="What and when">
        <KeyValues
          entries={[
            ['When', <When key="when" schedule={schedule} />],
            ['Policy', <PolicyLink key="policy" policy={audit.policy} />],
            ['Targets', <Selection key="targets" selection={audit.targets} />],
            ['Vantages', audit.vantages?.join(', ') ?? 'all'],
            ['Delay', jitterSeconds === 0 ? 'none' : `up to ${formatDuration(jitterSeconds * 1000)}`],
            ['While an audit still runs', overlap === 'skip' ? 'the run is skipped' : 'the run waits for its end'],
            ['After an outage', missed === 'once' ? 'the last missed run is made up for' : 'missed runs are dropped'],
            ['Changed', <Time key="changed" value={updatedAt} />],
          ]}
        />
      </Block>
      <Block title="Last 30 days">
        <Nights schedule={schedule} />
        <h3>Next runs</h3>
        {next.length === 0 ? (
          <p>{enabled ? 'None.' : 'None: the schedule is paused.'}</p>
        ) : (
          <ol class="next-runs">
            {next.map((time) => (
              <li key={time}>
                <Time value={time} /> <span class="faint">{`${inZone.format(new Date(time))} in ${timeZone}`}</span>
              </li>
            ))}
          </ol>
        )}
      </Block>
    </div>
  )
}

/** The targets of each run: names and external ids, or those that have all labels then. */
function Selection({ selection }: { selection: Schedule['audit']['targets'] }) {
  if (Array.isArray(selection)) return <span>{selection.map(textOf).join(', ')}</span>
  const label = Object.entries(selection.labels).map(([name, value]) => `${name}:${value}`)
  return (
    <Link to="/targets" query={{ label }}>
      all with {label.join(', ')}
    </Link>
  )
}

function Actions({ schedule, onChange }: { schedule: Schedule; onChange: () => void }) {
  const submission = useSubmission()
  const reason = whyNotAllowed('audits:run')
  const path = uri`/v1/schedules/${schedule.name}`
  const toggle = () =>
    submission.run(async () => {
      await send('PATCH', path, { enabled: !schedule.enabled })
      onChange()
    })
  const start = () =>
    submission.run(async () => {
      const headers = submission.keyFor(schedule.audit)
      const audit = await send<Static<typeof AuditSchema>>('POST', '/v1/audits', schedule.audit, { headers })
      navigate(href(uri`/audits/${audit.id}`))
    })
  const remove = async () => {
    await send('DELETE', path)
    navigate(href('/schedules'))
  }
  const off = { disabled: submission.isBusy || reason !== undefined, title: reason }
  return (
    <>
      {!reason && (
        <>
          <Link class="button" to={`${uri`/schedules/${schedule.name}`}/edit`}>
            Edit
          </Link>
          <ConfirmButton
            label="Remove"
            title={`Remove the schedule ${schedule.name}?`}
            confirm="Remove the schedule"
            action={remove}
          >
            <p>It starts no audit any more. What became of its runs stays in the reports.</p>
          </ConfirmButton>
        </>
      )}
      <button type="button" {...off} onClick={() => void toggle()}>
        {schedule.enabled ? 'Pause' : 'Resume'}
      </button>
      <button type="button" class="primary" {...off} onClick={() => void start()}>
        Run now
      </button>
      {submission.problem && <ProblemBlock problem={submission.problem} />}
    </>
  )
}
