import { useEffect, useState } from 'preact/hooks'
import type { Static } from 'typebox'
import type { Audit as AuditSchema } from '../../../api/routes/audits/schemas.ts'
import type { Policy as PolicySchema } from '../../../api/routes/policies/schemas.ts'
import { get, isAbort } from '../../api/client.ts'
import { useResource } from '../../api/resource.ts'
import type { Snap } from '../../parts/controls/snaps.ts'
import { formatTime } from '../../parts/time.tsx'
import { apiPath, uri } from '../../url/parameters.ts'

const mostAudits = 500

interface Period {
  from: string
  to: string
}

/** The audits of a target and the versions of its policies in a period. */
export function useLaneMarks({ target, from, to, policies }: Period & { target: string; policies: readonly string[] }) {
  const audits = useResource<{ items: Static<typeof AuditSchema>[] }>(
    apiPath('/v1/audits', { target, from, to, limit: mostAudits }),
  )
  const versions = useVersions(policies)
  const isWithin = ({ at }: Snap) => at >= Date.parse(from) && at <= Date.parse(to)
  return {
    audits: (audits.value?.items ?? []).map(markOfAudit).filter(isWithin),
    versions: versions.filter(isWithin),
  }
}

const markOfAudit = ({ createdAt, finishedAt, verdict, status, policy }: Static<typeof AuditSchema>): Snap => ({
  at: Date.parse(finishedAt ?? createdAt),
  label: `audit of ${policy.name}: ${verdict ?? status}`,
})

/** The versions of policies; what cannot be read is left out, since the lanes are shown without. */
function useVersions(policies: readonly string[]): readonly Snap[] {
  const [versions, setVersions] = useState<readonly Snap[]>([])
  const names = JSON.stringify(policies)
  useEffect(() => {
    const leaving = new AbortController()
    const read = async (name: string) => {
      const { items } = await get<{ items: Static<typeof PolicySchema>[] }>(uri`/v1/policies/${name}/versions`, {
        signal: leaving.signal,
      })
      return items.map(({ version, createdAt }) => ({
        ...{ at: Date.parse(createdAt), label: `${name} version ${version}` },
      }))
    }
    Promise.all((JSON.parse(names) as string[]).map(read)).then(
      (found) => setVersions(found.flat()),
      (error: unknown) => isAbort(error) || setVersions([]),
    )
    return () => leaving.abort()
  }, [names])
  return versions
}

/** A lane of ticks. */
export function MarkRow({
  title,
  marks,
  from,
  to,
}: {
  title: string
  marks: readonly Snap[]
  /** In ms, as is `to`. */
  from: number
  to: number
}) {
  const newest = Math.max(...marks.map(({ at }) => at))
  const text = marks.length === 0 ? 'none' : `${marks.length}, newest ${formatTime(new Date(newest).toISOString())}`
  return (
    <li class="lane lane-marks">
      <span class="lane-name">{title}</span>
      <span class="lane-bar">
        <svg class="bar" data-kind="spans" role="img" aria-label={`${title}: ${text}`}>
          {marks.map(({ at, label }) => {
            const x = `${((at - from) / (to - from)) * 100}%`
            return (
              <line key={`${at} ${label}`} x1={x} x2={x} y1="20%" y2="80%">
                <title>{`${formatTime(new Date(at).toISOString())}: ${label}`}</title>
              </line>
            )
          })}
        </svg>
      </span>
      <span class="faint">{marks.length.toLocaleString('en')}</span>
    </li>
  )
}

/** A window or a waiver over a part of a lane, in percent. */
export function Bracket({ from, to, text }: { from: number; to: number; text: string }) {
  const [left, right] = [`${from}%`, `${to}%`]
  return (
    <g class="lane-bracket">
      <title>{text}</title>
      <line x1={left} x2={right} y1="2" y2="2" />
      {from > 0 && <line x1={left} x2={left} y1="1" y2="100%" />}
      {to < 100 && <line x1={right} x2={right} y1="1" y2="100%" />}
    </g>
  )
}
