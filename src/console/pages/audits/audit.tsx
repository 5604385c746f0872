import { useEffect, useState } from 'preact/hooks'
import type { Static } from 'typebox'
import type { Audit as AuditSchema } from '../../../api/routes/audits/schemas.ts'
import { send } from '../../api/client.ts'
import { followEvents } from '../../api/events.ts'
import { mayAny } from '../../api/me.ts'
import { useResource } from '../../api/resource.ts'
import { me } from '../../api/session.ts'
import { Actor } from '../../parts/actor.tsx'
import { ConfirmButton } from '../../parts/controls/confirm-button.tsx'
import { KeyValues } from '../../parts/key-values.tsx'
import { Link } from '../../parts/link.tsx'
import { Block, Page, type PageProps } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { CountsBar, countsText } from '../../parts/results/marks.tsx'
import { AuditVerdict } from '../../parts/results/verdict.tsx'
import { formatDuration, Time } from '../../parts/time.tsx'
import { servicePath } from '../../url/base.ts'
import { at } from '../../url/location.ts'
import { apiPath, uri } from '../../url/parameters.ts'
import { Left } from '../exceptions/left.tsx'
import { AuditFindings } from './audit-findings.tsx'
import { RuleCounts } from './rule-counts.tsx'

type Audit = Static<typeof AuditSchema>
/** With the vantages of its progress events. */
interface LiveAudit extends Audit {
  vantages?: { name: string; lastSeenAt: string | null; waitsUntil: string | null }[]
}

const hasEnded = ({ finishedAt }: Audit) => finishedAt !== null
const shown = ({ counts }: Audit) => ({ ...counts, fail: counts.fail - counts.waived })

/** One audit: live while it runs, its verdict and its findings after its end. */
export default function AuditPage({ params: { id = '' } }: PageProps) {
  const path = uri`/v1/audits/${id}`
  const resource = useResource<Audit>(path)
  const live = useLive(path, resource.value)
  return (
    <Page title="Audit" actions={live && <Actions audit={live} />} lead={live && <Sentence audit={live} />}>
      <ResourceView of={resource}>{(loaded) => <Content audit={live ?? loaded} />}</ResourceView>
    </Page>
  )
}

/** The newest state of an audit, by its events while it runs. */
function useLive(path: string, loaded: Audit | undefined): LiveAudit | undefined {
  const [live, setLive] = useState<LiveAudit>()
  const isRunning = loaded !== undefined && !hasEnded(loaded)
  useEffect(
    () =>
      isRunning
        ? followEvents<LiveAudit>(`${path}/events`, ['progress', 'ended'], (_name, audit) => setLive(audit))
        : undefined,
    [path, isRunning],
  )
  return live ?? loaded
}

function Sentence({ audit }: { audit: Audit }) {
  const { counts, coverage, progress, status, verdict } = audit
  if (!hasEnded(audit))
    return <>{status === 'queued' ? 'Waits to start.' : `${progress.done} of ${progress.total} checks are done.`}</>
  const failures = counts.fail - counts.waived
  const text =
    status !== 'completed'
      ? (audit.error ?? `The audit was ${status} before its end.`)
      : verdict === 'pass'
        ? 'Everything that was checked complies.'
        : verdict === 'fail'
          ? `${failures.toLocaleString('en')} ${failures === 1 ? 'check fails' : 'checks fail'}.`
          : 'Nothing fails, and not everything is known.'
  return (
    <>
      <AuditVerdict verdict={verdict} status={status} /> {text} {coverage.checked.toLocaleString('en')} checked,{' '}
      {coverage.notchecked.toLocaleString('en')} not checked.
    </>
  )
}

/** For which absent vantages the audit waits, and how long. */
function Waiting({ audit: { vantages = [] } }: { audit: LiveAudit }) {
  const absent = vantages.flatMap(({ waitsUntil, ...vantage }) => (waitsUntil ? [{ ...vantage, waitsUntil }] : []))
  return (
    <ul class="waiting" aria-live="polite">
      {absent.map(({ name, lastSeenAt, waitsUntil }) => (
        <li key={name}>
          Waits for the vantage <Link to="/vantages">{name}</Link>, which{' '}
          {lastSeenAt ? (
            <>
              was last seen <Time value={lastSeenAt} />
            </>
          ) : (
            'was never seen'
          )}
          , up to <Left until={waitsUntil} />. Then its checks are not checked.
        </li>
      ))}
    </ul>
  )
}

function Content({ audit }: { audit: LiveAudit }) {
  const { progress, policy, correlationId } = audit
  const elapsed = audit.startedAt && audit.finishedAt && Date.parse(audit.finishedAt) - Date.parse(audit.startedAt)
  return (
    <>
      {!hasEnded(audit) && (
        <>
          <progress class="progress" aria-label="Progress" value={progress.done} max={progress.total || 1} />
          <Waiting audit={audit} />
        </>
      )}
      <div class="columns">
        <Block title="Results">
          <div class="card">
            <CountsBar counts={shown(audit)} />
            <p>{countsText(shown(audit))}</p>
          </div>
        </Block>
        <Block title="About this audit">
          <div class="card">
            <KeyValues
              entries={[
                ['Policy', `${policy.name} version ${policy.version}`],
                [
                  'Ticket',
                  correlationId && (
                    <Link key="ticket" to={uri`/tickets/${correlationId}`}>
                      {correlationId}
                    </Link>
                  ),
                ],
                ['Reason', audit.reason],
                ['Requested by', <Actor key="requester" id={audit.requestedBy} name={audit.requestedByName} />],
                ['Trigger', audit.trigger],
                ['Targets', audit.selection.targets.toLocaleString('en')],
                ['Vantages', audit.selection.vantages.join(', ') || 'all'],
                ['Rules', audit.selection.rules.join(', ') || 'all'],
                ['Created', <Time key="created" value={audit.createdAt} />],
                ['Ended', audit.finishedAt && <Time key="ended" value={audit.finishedAt} />],
                ['Duration', elapsed ? formatDuration(elapsed) : null],
                ['Id', <code key="id">{audit.id}</code>],
              ]}
            />
          </div>
        </Block>
      </div>
      <RuleCounts id={audit.id} done={progress.done} />
      <AuditFindings id={audit.id} done={progress.done} hasEnded={hasEnded(audit)} />
      {hasEnded(audit) && <Downloads id={audit.id} isComplete={audit.status === 'completed'} />}
    </>
  )
}

const formats: readonly (readonly [format: string, label: string])[] = [
  ['sarif', 'SARIF'],
  ['junit', 'JUnit'],
  ['oscal', 'OSCAL'],
  ['nmap', 'Nmap XML'],
  ['html', 'HTML'],
]

function Downloads({ id, isComplete }: { id: string; isComplete: boolean }) {
  const path = uri`/v1/audits/${id}`
  return (
    <Block title="Downloads">
      <div class="actions">
        <a class="button" href={servicePath(`${path}/pack`)} download>
          Evidence pack
        </a>
        {isComplete &&
          formats.map(([format, label]) => (
            <a
              key={format}
              class="button"
              href={servicePath(apiPath(path, { format }))}
              download={`audit-${id}.${format}`}
            >
              {label}
            </a>
          ))}
      </div>
    </Block>
  )
}

function Actions({ audit }: { audit: Audit }) {
  if (hasEnded(audit) || !mayAny(me.value, 'audits:run')) return null
  const cancel = (reason: string) =>
    send('POST', `${uri`/v1/audits/${audit.id}`}/cancel`, reason === '' ? undefined : { reason })
  return (
    <ConfirmButton
      label="Cancel audit"
      title="Cancel the audit?"
      confirm="Cancel audit"
      reason="Why it is canceled (may stay empty)"
      disabledReason={at.value === undefined ? undefined : 'The page shows the past'}
      action={cancel}
    >
      <p>Checks without a result become unknown.</p>
    </ConfirmButton>
  )
}
