import type { Static } from 'typebox'
import type { ScheduleRun, Schedule as ScheduleSchema } from '../../../api/routes/schedules/schemas.ts'
import { useResource } from '../../api/resource.ts'
import { EmptyState } from '../../parts/empty-state.tsx'
import { whyNotAllowed } from '../../parts/forms/permission.ts'
import { Link } from '../../parts/link.tsx'
import { Listing } from '../../parts/lists/listing.tsx'
import { Page } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { Time } from '../../parts/time.tsx'
import { at } from '../../url/location.ts'
import { apiPath, uri } from '../../url/parameters.ts'
import { cronText } from './cron.ts'
import { nightsOf } from './nights.ts'
import { NightsStrip } from './nights-strip.tsx'
import './schedules.css'

export type Schedule = Static<typeof ScheduleSchema>
type Run = Static<typeof ScheduleRun>

/** The schedules, and what became of their last 30 nights. */
export default function Schedules() {
  return (
    <Page
      title="Schedules"
      lead="Audits at fixed times, and what became of their last 30 days."
      actions={
        !whyNotAllowed('audits:run') && (
          <Link class="button primary" to="/schedules/-/new">
            Add a schedule
          </Link>
        )
      }
    >
      <Listing<Schedule>
        path="/v1/schedules"
        hasFiles={false}
        caption="Schedules by name"
        rowKey={({ name }) => name}
        columns={[
          { head: 'Schedule', cell: ({ name }) => <Link to={uri`/schedules/${name}`}>{name}</Link> },
          { head: 'When', cell: (schedule) => <When schedule={schedule} /> },
          { head: 'Policy', cell: ({ audit }) => <PolicyLink policy={audit.policy} /> },
          { head: 'Last 30 days', cell: (schedule) => <Nights schedule={schedule} /> },
          {
            head: 'Next',
            cell: ({ enabled, next: [next] }) => (!enabled ? 'Paused' : next ? <Time value={next} /> : 'never'),
          },
        ]}
        empty={<EmptyState title="There are no schedules.">A schedule requests an audit every night.</EmptyState>}
      />
    </Page>
  )
}

/** When a schedule is due, in words where they are short. */
export function When({ schedule: { cron, timeZone } }: { schedule: Schedule }) {
  const words = cronText(cron)
  return (
    <div>
      {words ? `${words} ` : <code>{cron} </code>}
      <span class="faint">
        {timeZone}
        {words && (
          <>
            {' '}
            <code>{cron}</code>
          </>
        )}
      </span>
    </div>
  )
}

/** A policy as an audit names it, `NAME` or `NAME@VERSION`. */
export function PolicyLink({ policy }: { policy: string }) {
  const [name = '', version] = policy.split('@')
  return (
    <Link to={uri`/policies/${name}`} query={{ version }}>
      {policy}
    </Link>
  )
}

/** The last 30 days of a schedule. */
export function Nights({ schedule: { name, timeZone } }: { schedule: Schedule }) {
  const runs = useResource<{ items: Run[] }>(apiPath(uri`/v1/schedules/${name}/runs`, { limit: 1000 }))
  return (
    <ResourceView of={runs}>
      {({ items }) => <NightsStrip nights={nightsOf(items, timeZone, at.value ? new Date(at.value) : new Date())} />}
    </ResourceView>
  )
}
