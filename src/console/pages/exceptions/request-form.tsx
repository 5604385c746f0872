import { useEffect, useRef, useState } from 'preact/hooks'
import type { Static } from 'typebox'
import type { Policy as PolicySchema } from '../../../api/routes/policies/schemas.ts'
import { asProblemError, send } from '../../api/client.ts'
import { mayAny } from '../../api/me.ts'
import type { ProblemError } from '../../api/problem.ts'
import { useResource } from '../../api/resource.ts'
import { me } from '../../api/session.ts'
import { EmptyState } from '../../parts/empty-state.tsx'
import { Page } from '../../parts/page.tsx'
import { ProblemBlock } from '../../parts/problem-block.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { formatTime, localInput } from '../../parts/time.tsx'
import { at, href, navigate, query } from '../../url/location.ts'
import { uri } from '../../url/parameters.ts'
import { readTargets } from '../audits/read-targets.ts'
import type { Detail } from '../findings/current-finding.ts'
import { pageOf } from './decide.tsx'
import { EffectDetails } from './effect.tsx'
import { durationOf } from './facts.tsx'
import { waiverSentence, windowSentence } from './sentence.ts'
import type { Effect, Kind } from './types.ts'
import './exceptions.css'

type Policy = Static<typeof PolicySchema>

interface Prefill {
  policy: string
  rules: readonly string[]
  targets: string
}

const hourMs = 3_600_000
const settleMs = 500
const leads: Readonly<Record<Kind, string>> = {
  window: 'Asks that a port may be open for a time. Another person must approve it.',
  waiver: 'Asks that a failure is accepted for a time. Another person must approve it.',
}

/** The form that requests a window or waiver; `finding`, or `policy`, `rule` and `target` of the URL fill it in. */
export const formFor = (kind: Kind) =>
  function RequestPage() {
    const fingerprint = query.value.get('finding')
    const policies = useResource<{ items: Policy[] }>('/v1/policies?limit=500')
    const finding = useResource<Detail>(fingerprint ? uri`/v1/findings/${fingerprint}` : undefined)
    const reason = !mayAny(me.value, 'audits:run')
      ? `Your key may not request a ${kind}: it needs the scope audits:run.`
      : at.value && `A ${kind} is for the present: go back to now first.`
    return (
      <Page title={`Request a ${kind}`} lead={leads[kind]}>
        {reason ? (
          <EmptyState title={reason} />
        ) : (
          <ResourceView of={policies}>
            {({ items }) =>
              fingerprint ? (
                <ResourceView of={finding}>
                  {(detail) => <Form kind={kind} policies={items} prefill={prefillOf(detail)} />}
                </ResourceView>
              ) : (
                <Form kind={kind} policies={items} prefill={ofUrl()} />
              )
            }
          </ResourceView>
        )}
      </Page>
    )
  }

const prefillOf = ({ policy, rule, target }: Detail): Prefill => ({
  policy: policy.name,
  rules: [rule.id],
  targets: target.name,
})
const ofUrl = (): Prefill => ({
  policy: query.value.get('policy') ?? '',
  rules: query.value.getAll('rule'),
  targets: query.value.getAll('target').join('\n'),
})

function Form({ kind, policies, prefill }: { kind: Kind; policies: readonly Policy[]; prefill: Prefill }) {
  const usable = policies.filter(
    ({ document }) => kind === 'waiver' || document.rules.some((rule) => rule.insideWindow),
  )
  const [policy, setPolicy] = useState(prefill.policy || (usable[0]?.name ?? ''))
  const [rules, setRules] = useState(prefill.rules)
  const [targets, setTargets] = useState(prefill.targets)
  const [ticket, setTicket] = useState('')
  const [reason, setReason] = useState('')
  const [from, setFrom] = useState(() => localInput(new Date().toISOString()))
  const [to, setTo] = useState(() =>
    localInput(new Date(Date.now() + (kind === 'window' ? 2 : 30 * 24) * hourMs).toISOString()),
  )
  const [problem, setProblem] = useState<ProblemError>()
  const [isBusy, setBusy] = useState(false)
  const attempt = useRef(crypto.randomUUID()) // sent twice, it makes one request
  const known = usable.find(({ name }) => name === policy)?.document.rules ?? []
  const offered = kind === 'window' ? known.filter((rule) => rule.insideWindow) : known
  const chosen = readTargets(targets)
  const draft =
    policy && rules.length > 0 && chosen.targets ? { policy, rules, targets: namesOf(chosen.targets) } : undefined
  const times = kind === 'window' ? { from: timeOf(from), to: timeOf(to) } : { expiresAt: timeOf(to) }

  if (usable.length === 0)
    return <EmptyState title="No policy has a rule with an expectation inside a window (`insideWindow`)." />
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    setBusy(true)
    setProblem(undefined)
    const body = { ...draft, ...times, reason, ...(ticket && { ticket }) }
    try {
      const headers = { 'idempotency-key': attempt.current }
      const { id } = await send<{ id: string }>('POST', `/v1/${kind}s`, body, { headers })
      navigate(href(pageOf(kind, id)))
    } catch (error) {
      setProblem(asProblemError(error))
      attempt.current = crypto.randomUUID()
      setBusy(false)
    }
  }
  const toggle = (id: string) => setRules(rules.includes(id) ? rules.filter((rule) => rule !== id) : [...rules, id])

  return (
    <div class="columns">
      <form class="form card" onSubmit={(event) => void submit(event)}>
        <label>
          Policy
          <select
            value={policy}
            onChange={({ currentTarget }) => {
              setPolicy(currentTarget.value)
              setRules([])
            }}
          >
            {usable.map(({ name, document }) => (
              <option key={name} value={name}>
                {document.title}
              </option>
            ))}
          </select>
        </label>
        <fieldset class="choices">
          <legend>Rules</legend>
          {offered.map(({ id, title }) => (
            <label key={id}>
              <input type="checkbox" checked={rules.includes(id)} onChange={() => toggle(id)} />
              <span>{title}</span>
            </label>
          ))}
        </fieldset>
        <label>
          Targets
          <textarea
            rows={3}
            required
            aria-describedby="targets-hint"
            value={targets}
            onInput={({ currentTarget }) => setTargets(currentTarget.value)}
          />
        </label>
        <p id="targets-hint" class="faint">
          The name of a target in each line, or a label such as <code>site=hq</code>. {chosen.sentence}
        </p>
        <div class="times">
          {kind === 'window' && <TimeField name="From" value={from} onChange={setFrom} />}
          <TimeField name={kind === 'window' ? 'To' : 'Ends'} value={to} onChange={setTo} />
        </div>
        <p class="faint">
          {kind === 'window' ? 'At most seven days' : 'At most a year'}. Time zone:{' '}
          {Intl.DateTimeFormat().resolvedOptions().timeZone}
        </p>
        <label>
          Ticket
          <input
            value={ticket}
            maxLength={200}
            required={kind === 'window'}
            onInput={({ currentTarget }) => setTicket(currentTarget.value)}
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
        <button type="submit" class="primary" disabled={isBusy || !draft}>
          Request {kind}
        </button>
      </form>
      <DraftEffect kind={kind} draft={draft} times={times} />
    </div>
  )
}

function TimeField({ name, value, onChange }: { name: string; value: string; onChange(value: string): void }) {
  return (
    <label>
      {name}
      <input
        type="datetime-local"
        required
        value={value}
        onInput={({ currentTarget }) => onChange(currentTarget.value)}
      />
    </label>
  )
}

/** What the draft would do, once typing pauses. */
function DraftEffect({
  kind,
  draft,
  times,
}: {
  kind: Kind
  draft: object | undefined
  times: { from?: string; to?: string; expiresAt?: string }
}) {
  const [effect, setEffect] = useState<Effect>()
  const [problem, setProblem] = useState<ProblemError>()
  const body = draft && JSON.stringify(draft)
  useEffect(() => {
    setProblem(undefined)
    if (body === undefined) return setEffect(undefined)
    const leaving = new AbortController()
    const timer = setTimeout(() => {
      send<Effect>('POST', `/v1/${kind}s/effect`, JSON.parse(body), { signal: leaving.signal }).then(
        setEffect,
        (error: unknown) => {
          if (leaving.signal.aborted) return
          setEffect(undefined)
          setProblem(asProblemError(error))
        },
      )
    }, settleMs)
    return () => {
      leaving.abort()
      clearTimeout(timer)
    }
  }, [body, kind])
  const { from, to, expiresAt } = times
  const sentence =
    effect &&
    (kind === 'waiver'
      ? waiverSentence(effect, expiresAt ? formatTime(expiresAt) : '…')
      : windowSentence(effect, from && to && to > from ? durationOf({ from, to }) : '…'))
  return (
    <section class="block" aria-label="Effect">
      <h2>Effect</h2>
      {problem && <ProblemBlock problem={problem} />}
      {effect ? (
        <>
          <p class="effect-sentence" role="status">
            {sentence}
          </p>
          <EffectDetails kind={kind} effect={effect} />
        </>
      ) : (
        !problem && <EmptyState title="Choose rules and targets: the effect appears here before you ask." />
      )}
    </section>
  )
}

/** The API takes references and labels here, and creates no target. */
const namesOf = (targets: NonNullable<ReturnType<typeof readTargets>['targets']>) =>
  Array.isArray(targets)
    ? targets.map((target) => (typeof target === 'object' && 'name' in target ? target.name : target))
    : targets

const timeOf = (local: string) => (local ? new Date(local).toISOString() : '')
