import { useEffect, useRef, useState } from 'preact/hooks'
import type { Static } from 'typebox'
import type { Delivery as DeliverySchema, WebhookWithSecret } from '../../../api/routes/webhooks/schemas.ts'
import { asProblemError, send } from '../../api/client.ts'
import type { ProblemError } from '../../api/problem.ts'
import { useResource } from '../../api/resource.ts'
import { Actor } from '../../parts/actor.tsx'
import { Confirm } from '../../parts/controls/confirm.tsx'
import { Dialog } from '../../parts/controls/dialog.tsx'
import { Tabs } from '../../parts/controls/tabs.tsx'
import { EmptyState } from '../../parts/empty-state.tsx'
import { KeyValues } from '../../parts/key-values.tsx'
import { ListPage, listPath, type PageOf } from '../../parts/lists/listing.tsx'
import { OnlyNow } from '../../parts/only-now.tsx'
import { Block, Page, type PageProps } from '../../parts/page.tsx'
import { ProblemBlock } from '../../parts/problem-block.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { Verdict } from '../../parts/results/verdict.tsx'
import { Secret } from '../../parts/secret.tsx'
import { Time } from '../../parts/time.tsx'
import { at, href, navigate, query } from '../../url/location.ts'
import { uri } from '../../url/parameters.ts'
import { callbacksId, nameOf, type Webhook, WebhookState } from './shown-webhook.tsx'
import { WebhookForm } from './webhook-form.tsx'

type Delivery = Static<typeof DeliverySchema>
type Shown = 'edit' | 'rotate' | 'remove'

/** A webhook: what it receives, its deliveries, and what can be done about those that failed. */
export default function WebhookPage({ params: { id = '' } }: PageProps) {
  const path = uri`/v1/webhooks/${id}`
  const webhook = useResource<Webhook>(at.value ? undefined : path)
  const [shown, setShown] = useState<Shown>()
  const [secret, setSecret] = useState<string | null>()
  const [round, setRound] = useState(0)
  const [message, setMessage] = useState('')
  const [problem, setProblem] = useState<ProblemError>()
  if (at.value) return <OnlyNow title="Webhooks" />
  const { value } = webhook
  const isCallbacks = id === callbacksId
  const close = () => setShown(undefined)
  const run = async (work: () => Promise<unknown>, done: string) => {
    setProblem(undefined)
    setMessage('')
    try {
      await work()
      setMessage(done)
      setRound((before) => before + 1)
      webhook.reload()
    } catch (error) {
      setProblem(asProblemError(error))
    }
  }
  const rotate = async () => {
    setSecret((await send<Static<typeof WebhookWithSecret>>('POST', `${path}/rotate-secret`, {})).secret)
  }
  const remove = async () => {
    await send('DELETE', path)
    navigate(href('/webhooks'))
  }
  const toggle = () =>
    run(() => send('PATCH', path, { enabled: !value?.enabled }), value?.enabled ? 'It is paused.' : 'It is enabled.')
  return (
    <Page
      title={value ? nameOf(value) : 'Webhook'}
      lead={value && <WebhookState webhook={value} />}
      actions={
        value && (
          <>
            {!isCallbacks && (
              <>
                <button
                  type="button"
                  onClick={() => void run(() => send('POST', `${path}/ping`), 'A ping is on its way.')}
                >
                  Ping
                </button>
                <button type="button" onClick={() => setShown('edit')}>
                  Edit
                </button>
              </>
            )}
            <button type="button" onClick={() => void toggle()}>
              {value.enabled ? 'Pause' : 'Enable'}
            </button>
            <button type="button" onClick={() => setShown('rotate')}>
              Rotate secret
            </button>
            {!isCallbacks && (
              <button type="button" onClick={() => setShown('remove')}>
                Delete
              </button>
            )}
          </>
        )
      }
    >
      <p role="status">{message}</p>
      {problem && <ProblemBlock problem={problem} />}
      <ResourceView of={webhook}>{(one) => <Facts webhook={one} />}</ResourceView>
      <Block title="Deliveries">
        <Deliveries
          key={round}
          path={path}
          onRedeliver={(delivery) =>
            run(() => send('POST', `${path}/deliveries/${delivery.id}/redeliver`), 'The delivery is tried again.')
          }
        />
      </Block>
      {shown === 'edit' && value && (
        <WebhookForm
          webhook={value}
          onClose={() => {
            close()
            webhook.reload()
          }}
        />
      )}
      {shown === 'rotate' && (
        <Confirm title="Rotate the signing secret?" button="Rotate secret" onConfirm={rotate} onClose={close}>
          <p>For a day deliveries are signed with the old and the new secret, so that the receiver can change over.</p>
        </Confirm>
      )}
      {shown === 'remove' && (
        <Confirm title="Delete the webhook?" button="Delete webhook" onConfirm={remove} onClose={close}>
          <p>Its deliveries are deleted too.</p>
        </Confirm>
      )}
      {secret !== undefined && (
        <Dialog title="The new signing secret" onClose={() => setSecret(undefined)}>
          {isCallbacks ? (
            <p>The secrets of all keys have changed. Each key reads its own at /v1/callback-secret.</p>
          ) : (
            <Secret what="signing secret" value={secret} />
          )}
        </Dialog>
      )}
    </Page>
  )
}

function Facts({ webhook }: { webhook: Webhook }) {
  const { url, events, format, filter, openAfter, groupBy, hasAuthorization, previousSecretUntil } = webhook
  const labels = Object.entries(filter.labels ?? {}).map(([name, value]) => `${name}=${value}`)
  return (
    <div class="card">
      <KeyValues
        entries={[
          ['URL', url && <code key="url">{url}</code>],
          ['Events', events.join(', ')],
          ['Format', format],
          ['Policies', filter.policies?.join(', ')],
          ['Labels', labels.length > 0 ? labels.join(', ') : null],
          ['Least severity', filter.minSeverity],
          ['Opens an alert after', openAfter === 1 ? null : `${openAfter} failures in a row`],
          ['Alerts', groupBy === 'target' ? 'one for each target' : null],
          ['Authorization', hasAuthorization ? 'set' : 'none'],
          ['Old secret until', previousSecretUntil && <Time key="until" value={previousSecretUntil} />],
          [
            'Created',
            <span key="created">
              <Time value={webhook.createdAt} /> by <Actor id={webhook.requestedBy} name={webhook.requestedByName} />
            </span>,
          ],
        ]}
      />
    </div>
  )
}

const statusTabs = [
  ['', 'All'],
  ['waiting', 'Waiting'],
  ['delivered', 'Delivered'],
  ['dead', 'Dead letters'],
  ['superseded', 'Superseded'],
] as const

const refreshMs = 1_000
/** A receiver that does not respond is tried again later: the list then stays as it is. */
const mostRefreshes = 20

function Deliveries({ path, onRedeliver }: { path: string; onRedeliver(delivery: Delivery): Promise<void> }) {
  const parameters = { status: query.value.get('status') }
  const list = `${path}/deliveries`
  const page = useResource<PageOf<Delivery>>(listPath(list, parameters))
  const refreshes = useRef(0)
  const isFirstTry = page.value?.items.some(({ status, attempts }) => status === 'waiting' && attempts === 0) ?? false
  useEffect(() => {
    if (!isFirstTry || refreshes.current >= mostRefreshes) return
    refreshes.current++
    const timer = setTimeout(page.reload, refreshMs)
    return () => clearTimeout(timer)
  }, [page.value])
  return (
    <>
      <Tabs name="status" label="Deliveries by status" tabs={statusTabs} />
      <ResourceView of={page}>
        {(value) => (
          <ListPage<Delivery>
            page={value}
            path={list}
            parameters={parameters}
            hasFiles={false}
            caption="Deliveries, newest first"
            rowKey={({ id }) => id}
            columns={[
              { head: 'Created', cell: ({ createdAt }) => <Time value={createdAt} /> },
              { head: 'Event', cell: ({ event }) => <code>{event}</code> },
              { head: 'Status', cell: (delivery) => <Status delivery={delivery} /> },
              { head: 'Attempts', isNumber: true, cell: ({ attempts }) => attempts },
              { head: 'Last attempt', cell: ({ lastAttempt }) => lastAttempt && <LastAttempt attempt={lastAttempt} /> },
              {
                head: 'Repeat',
                cell: (delivery) =>
                  delivery.status !== 'waiting' && (
                    <button
                      type="button"
                      aria-label={`Redeliver ${delivery.event} ${delivery.id}`}
                      onClick={() => void onRedeliver(delivery)}
                    >
                      Redeliver
                    </button>
                  ),
              },
            ]}
            empty={<EmptyState title="There are no such deliveries." />}
          />
        )}
      </ResourceView>
    </>
  )
}

function Status({ delivery: { status, nextAttemptAt } }: { delivery: Delivery }) {
  if (status === 'dead') return <Verdict result="fail" text="Dead" />
  if (status === 'delivered') return <Verdict result="pass" text="Delivered" />
  if (status === 'superseded') return <span class="faint">superseded</span>
  return (
    <span>
      waiting
      {nextAttemptAt && (
        <>
          {' '}
          for <Time value={nextAttemptAt} />
        </>
      )}
    </span>
  )
}

function LastAttempt({
  attempt: { at: time, httpStatus, error, durationMs },
}: {
  attempt: NonNullable<Delivery['lastAttempt']>
}) {
  return (
    <div>
      <Time value={time} />
      <div class="faint">
        {error ?? `status ${httpStatus}`}, {durationMs} ms
      </div>
    </div>
  )
}
