import type { Static } from 'typebox'
import type { Waiver as WaiverSchema, Window as WindowSchema } from '../../../api/routes/exceptions/schemas.ts'
import { useResource } from '../../api/resource.ts'
import { Actor } from '../../parts/actor.tsx'
import { DataTable } from '../../parts/lists/data-table.tsx'
import { Block } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { Time } from '../../parts/time.tsx'
import { apiPath } from '../../url/parameters.ts'

type Waiver = Static<typeof WaiverSchema>
type Window = Static<typeof WindowSchema>

interface Exception {
  id: string
  what: string
  rules: readonly string[]
  reason: string
  from: string
  until: string
  approvedBy: string | null
  approvedByName: string | null
}

const limit = 1000

/** The windows and waivers that were in force at the time `at` of the report. */
export function ExceptionsInForce({ at }: { at: string }) {
  const now = Date.parse(at)
  const windows = useResource<{ items: Window[]; next: string | null }>(apiPath('/v1/windows', { limit }))
  const waivers = useResource<{ items: Waiver[]; next: string | null }>(apiPath('/v1/waivers', { limit }))
  const exceptions = [
    ...(windows.value?.items ?? []).flatMap(ofWindow),
    ...(waivers.value?.items ?? []).flatMap(ofWaiver),
  ].filter(({ from, until }) => Date.parse(from) <= now && now < Date.parse(until))
  const isPart = [windows, waivers].some(({ value }) => value?.next)
  return (
    <Block title="Exceptions in force">
      <ResourceView of={windows}>{() => null}</ResourceView>
      <ResourceView of={waivers}>
        {() =>
          exceptions.length === 0 ? (
            <p>{isPart ? `None of the newest ${limit}.` : 'None.'}</p>
          ) : (
            <DataTable
              caption={isPart ? `Of the newest ${limit} windows and waivers` : 'Windows and waivers'}
              rows={exceptions}
              rowKey={({ id }) => id}
              columns={[
                { head: 'Exception', cell: ({ what }) => what },
                { head: 'Rules', cell: ({ rules }) => rules.join(', ') },
                { head: 'Reason', cell: ({ reason }) => reason },
                {
                  head: 'Approved by',
                  cell: ({ approvedBy, approvedByName }) =>
                    approvedBy && <Actor id={approvedBy} name={approvedByName} />,
                },
                { head: 'Until', cell: ({ until }) => <Time value={until} /> },
              ]}
            />
          )
        }
      </ResourceView>
    </Block>
  )
}

/** The earlier of two times; null for none. */
const earlier = (time: string, other: string | null) => (other !== null && other < time ? other : time)
const later = (time: string, other: string) => (other > time ? other : time)

const ofWindow = ({ approvedAt, canceledAt, from, to, ticket, ...window }: Window): Exception[] =>
  approvedAt === null
    ? []
    : [{ ...window, what: `Window ${ticket}`, from: later(from, approvedAt), until: earlier(to, canceledAt) }]

const ofWaiver = ({ approvedAt, revokedAt, expiresAt, ...waiver }: Waiver): Exception[] =>
  approvedAt === null ? [] : [{ ...waiver, what: 'Waiver', from: approvedAt, until: earlier(expiresAt, revokedAt) }]
