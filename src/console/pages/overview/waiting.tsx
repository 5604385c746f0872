import type { Static } from 'typebox'
import type { Waiver as WaiverSchema, Window as WindowSchema } from '../../../api/routes/exceptions/schemas.ts'
import type { CertificateReport as CertificateReportSchema } from '../../../api/routes/reports/schemas/certificates.ts'
import { useResource } from '../../api/resource.ts'
import { EmptyState } from '../../parts/empty-state.tsx'
import { Link } from '../../parts/link.tsx'
import { useNow } from '../../parts/now.ts'
import { Block } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { formatDuration } from '../../parts/time.tsx'
import { at } from '../../url/location.ts'
import { apiPath, uri } from '../../url/parameters.ts'

type Window = Static<typeof WindowSchema>
type Waiver = Static<typeof WaiverSchema>
type CertificateReport = Static<typeof CertificateReportSchema>

const certificateLimit = 100
const soonMs = 14 * 24 * 60 * 60 * 1000

/** What waits for a person: exposures that are still open first, then approvals, open windows, waivers and certificates that end soon. */
export function Waiting() {
  const soon = new Date(useNow().getTime() + soonMs).toISOString()
  const windows = useResource<{ items: Window[] }>(at.value ? undefined : '/v1/windows?limit=200')
  const waivers = useResource<{ items: Waiver[] }>(at.value ? undefined : '/v1/waivers?limit=200')
  const certificates = useResource<CertificateReport>(
    at.value || !waivers.value
      ? undefined
      : apiPath('/v1/reports/certificates', { expiresBefore: soon, limit: certificateLimit }),
  )
  if (at.value) return null
  return (
    <Block title="Waiting for you" note={<Link to="/approvals">Open the approvals</Link>}>
      <ResourceView of={windows}>
        {({ items: ofWindows }) => (
          <ResourceView of={waivers}>
            {({ items: ofWaivers }) => (
              <List
                lines={[
                  ...windowLines(ofWindows),
                  ...waiverLines(ofWaivers),
                  ...certificateLines(certificates.value, soon),
                ]}
              />
            )}
          </ResourceView>
        )}
      </ResourceView>
    </Block>
  )
}

interface Line {
  id: string
  /** The page about it below /ui. */
  page: string
  rank: number
  text: string
}

function List({ lines }: { lines: readonly Line[] }) {
  if (lines.length === 0) return <EmptyState title="Nothing waits." />
  return (
    <ul class="card changes">
      {lines
        .toSorted((a, b) => a.rank - b.rank)
        .map(({ id, page, rank, text }) => (
          <li key={id} class="finding-row" data-urgent={rank === 0}>
            <Link to={page}>{text}</Link>
          </li>
        ))}
    </ul>
  )
}

const left = (time: string) => formatDuration(Date.parse(time) - Date.now())

const windowLines = (windows: readonly Window[]): Line[] =>
  windows.flatMap(({ id, state, ticket, rules, to }) => {
    const what = `${rules.join(', ')} for ${ticket}`
    const page = uri`/windows/${id}`
    if (state === 'still-open') return { id, page, rank: 0, text: `Still open after its window: ${what}` }
    if (state === 'requested') return { id, page, rank: 1, text: `Waits for approval: window for ${what}` }
    if (state === 'open') return { id, page, rank: 2, text: `Open for ${left(to)}: ${what}` }
    return []
  })

const waiverLines = (waivers: readonly Waiver[]): Line[] =>
  waivers.flatMap(({ id, state, rules, expiresAt }) => {
    const page = uri`/waivers/${id}`
    if (state === 'requested') return { id, page, rank: 1, text: `Waits for approval: waiver of ${rules.join(', ')}` }
    if (state === 'active' && Date.parse(expiresAt) - Date.now() < soonMs)
      return { id, page, rank: 3, text: `Waiver of ${rules.join(', ')} ends in ${left(expiresAt)}` }
    return []
  })

function certificateLines(report: CertificateReport | undefined, soon: string): Line[] {
  const count = report?.items.length ?? 0
  if (count === 0) return []
  const many = report?.next ? `More than ${count}` : String(count)
  const what = count === 1 ? 'certificate has ended or ends' : 'certificates have ended or end'
  return [{ id: 'certificates', page: `/certificates?until=${soon}`, rank: 3, text: `${many} ${what} within 14 days` }]
}
