import { useRef, useState } from 'preact/hooks'
import type { Static } from 'typebox'
import type { WebhookWithSecret } from '../../../api/routes/webhooks/schemas.ts'
import { asProblemError, send } from '../../api/client.ts'
import type { ProblemError } from '../../api/problem.ts'
import { Dialog } from '../../parts/controls/dialog.tsx'
import { ProblemBlock } from '../../parts/problem-block.tsx'
import { severities } from '../../parts/results/results.ts'
import { Secret } from '../../parts/secret.tsx'
import { href, navigate } from '../../url/location.ts'
import { uri } from '../../url/parameters.ts'
import { readLabels } from '../keys/new-key.tsx'
import type { Webhook } from './shown-webhook.tsx'
import '../exceptions/exceptions.css'

type EventType = Webhook['events'][number]

const events: Readonly<Record<EventType, string>> = {
  'finding.opened': 'a check fails',
  'finding.still-open': 'it fails still',
  'finding.resolved': 'it fails no more',
  'audit.completed': 'an audit has ended',
  'drift.detected': 'something changed since the last audit',
  'window.still-open': 'a port is open after its window',
  'window.closed': 'it is proven closed',
  'vantage.absent': 'a vantage is away',
  'vantage.returned': 'it is back',
  'schedule.missed': 'a scheduled audit did not run',
  'schedule.resumed': 'it runs again',
  'digest.daily': 'once a day: what changed, or that nothing did',
}
const formats = ['standard', 'servicenow-em', 'jira-ops'] as const

/** The form that creates a webhook, with its secret afterwards, once; or that changes one. */
export function WebhookForm({ webhook, onClose }: { webhook?: Webhook; onClose(): void }) {
  const [url, setUrl] = useState(webhook?.url ?? '')
  const [description, setDescription] = useState(webhook?.description ?? '')
  const [chosen, setChosen] = useState<readonly EventType[]>(webhook?.events ?? ['finding.opened', 'finding.resolved'])
  const [format, setFormat] = useState<Webhook['format']>(webhook?.format ?? 'standard')
  const [minSeverity, setMinSeverity] = useState(webhook?.filter.minSeverity ?? '')
  const [labels, setLabels] = useState(textOf(webhook?.filter.labels))
  const [policies, setPolicies] = useState(webhook?.filter.policies?.join(', ') ?? '')
  const [authorization, setAuthorization] = useState('')
  const [made, setMade] = useState<Static<typeof WebhookWithSecret>>()
  const [problem, setProblem] = useState<ProblemError>()
  const [isBusy, setBusy] = useState(false)
  const attempt = useRef(crypto.randomUUID()) // sent twice, it makes one webhook
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    setBusy(true)
    setProblem(undefined)
    const names = policies.split(/[\s,]+/).filter((name) => name !== '')
    const filter = {
      ...(minSeverity && { minSeverity }),
      ...(labels.trim() && { labels: readLabels(labels) }),
      ...(names.length > 0 && { policies: names }),
    }
    const body = {
      ...{ url, events: chosen, format, filter, description: description || null },
      ...(authorization && { authorization }),
    }
    try {
      if (webhook) {
        await send('PATCH', uri`/v1/webhooks/${webhook.id}`, body)
        onClose()
      } else {
        const headers = { 'idempotency-key': attempt.current }
        setMade(await send<Static<typeof WebhookWithSecret>>('POST', '/v1/webhooks', body, { headers }))
      }
    } catch (error) {
      setProblem(asProblemError(error))
      attempt.current = crypto.randomUUID()
    }
    setBusy(false)
  }
  if (made)
    return (
      <Dialog title="The webhook was created" onClose={() => navigate(href(uri`/webhooks/${made.id}`))}>
        <Secret what="signing secret" value={made.secret}>
          The receiver verifies each delivery with it.
        </Secret>
      </Dialog>
    )
  const toggle = (event: EventType) =>
    setChosen(chosen.includes(event) ? chosen.filter((one) => one !== event) : [...chosen, event])
  return (
    <Dialog title={webhook ? 'Edit the webhook' : 'Create a webhook'} onClose={onClose}>
      <form class="form" onSubmit={(event) => void submit(event)}>
        <label>
          URL
          <input
            type="url"
            required
            maxLength={2000}
            placeholder="https://itsm.example.org/hooks/portwarden"
            value={url}
            onInput={({ currentTarget }) => setUrl(currentTarget.value)}
          />
        </label>
        <label>
          Description
          <input
            maxLength={500}
            value={description}
            onInput={({ currentTarget }) => setDescription(currentTarget.value)}
          />
        </label>
        <fieldset class="choices">
          <legend>Events</legend>
          {(Object.keys(events) as EventType[]).map((event) => (
            <label key={event}>
              <input type="checkbox" checked={chosen.includes(event)} onChange={() => toggle(event)} />
              <span>
                <code>{event}</code> <span class="faint">{events[event]}</span>
              </span>
            </label>
          ))}
        </fieldset>
        <label>
          Format
          <select value={format} onChange={({ currentTarget }) => setFormat(currentTarget.value as Webhook['format'])}>
            {formats.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <label>
          Least severity
          <select
            value={minSeverity}
            onChange={({ currentTarget }) => setMinSeverity(currentTarget.value as typeof minSeverity)}
          >
            <option value="">All</option>
            {severities.map((severity) => (
              <option key={severity}>{severity}</option>
            ))}
          </select>
        </label>
        <label>
          Only targets with the labels
          <input placeholder="site=hq" value={labels} onInput={({ currentTarget }) => setLabels(currentTarget.value)} />
        </label>
        <label>
          Only the policies
          <input value={policies} onInput={({ currentTarget }) => setPolicies(currentTarget.value)} />
        </label>
        <label>
          Header Authorization{webhook?.hasAuthorization && ' (empty keeps the present one)'}
          <input
            type="password"
            autocomplete="off"
            maxLength={4000}
            value={authorization}
            onInput={({ currentTarget }) => setAuthorization(currentTarget.value)}
          />
        </label>
        {problem && <ProblemBlock problem={problem} />}
        <button type="submit" class="primary" disabled={isBusy || chosen.length === 0}>
          {webhook ? 'Save' : 'Create webhook'}
        </button>
      </form>
    </Dialog>
  )
}

const textOf = (labels: Readonly<Record<string, string>> = {}) =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ')
