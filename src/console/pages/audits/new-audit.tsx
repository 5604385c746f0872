import { useRef, useState } from 'preact/hooks'
import type { Static } from 'typebox'
import type { Audit } from '../../../api/routes/audits/schemas.ts'
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
import { at, href, navigate, query } from '../../url/location.ts'
import { uri } from '../../url/parameters.ts'
import { ParameterFields } from './parameter-fields.tsx'
import { readTargets } from './read-targets.ts'

type Policy = Static<typeof PolicySchema>

/** A form that starts an audit. */
export default function NewAudit() {
  const policies = useResource<{ items: Policy[] }>('/v1/policies?limit=500')
  const reason = !mayAny(me.value, 'audits:run')
    ? 'Your key may not start audits: it needs the scope audits:run.'
    : at.value && 'An audit checks the present: go back to now first.'
  return (
    <Page title="New audit" lead="Checks the ports of targets against a policy now.">
      {reason ? (
        <EmptyState title={reason} />
      ) : (
        <ResourceView of={policies}>{({ items }) => <AuditForm policies={items} />}</ResourceView>
      )}
    </Page>
  )
}

function AuditForm({ policies }: { policies: readonly Policy[] }) {
  const [name, setName] = useState(query.value.get('policy') ?? policies[0]?.name ?? '')
  const [targets, setTargets] = useState(query.value.getAll('target').join('\n'))
  const [parameters, setParameters] = useState<Record<string, string | number | boolean>>({})
  const [ticket, setTicket] = useState('')
  const [reason, setReason] = useState('')
  const [problem, setProblem] = useState<ProblemError>()
  const [isBusy, setBusy] = useState(false)
  // One key for one form: sending it twice starts one audit.
  const idempotencyKey = useRef(crypto.randomUUID())
  const document = policies.find((policy) => policy.name === name)?.document
  const chosen = readTargets(targets)

  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    setBusy(true)
    const body = {
      policy: name,
      targets: chosen.targets,
      params: parameters,
      ...(ticket && { correlationId: ticket }),
      ...(reason && { reason }),
    }
    try {
      const audit = await send<Static<typeof Audit>>('POST', '/v1/audits', body, {
        headers: { 'idempotency-key': idempotencyKey.current },
      })
      navigate(href(uri`/audits/${audit.id}`))
    } catch (error) {
      setProblem(asProblemError(error))
      idempotencyKey.current = crypto.randomUUID()
      setBusy(false)
    }
  }

  return (
    <form class="form card" onSubmit={(event) => void submit(event)}>
      <label>
        Policy
        <select value={name} onChange={({ currentTarget }) => setName(currentTarget.value)}>
          {policies.map((policy) => (
            <option key={policy.name} value={policy.name}>
              {policy.document.title ?? policy.name}
            </option>
          ))}
        </select>
      </label>
      <label>
        Targets
        <textarea
          rows={5}
          required
          aria-describedby="targets-hint"
          value={targets}
          onInput={({ currentTarget }) => setTargets(currentTarget.value)}
        />
      </label>
      <p id="targets-hint" class="faint">
        One in a line: the name of a target, or a name and an address for a new one, such as{' '}
        <code>epp-01 10.20.0.11</code>. A line such as <code>site=hq</code> selects targets by a label.
      </p>
      <p role="status">{chosen.sentence}</p>
      <ParameterFields document={document} values={parameters} onChange={setParameters} />
      <label>
        Ticket
        <input value={ticket} maxLength={200} onInput={({ currentTarget }) => setTicket(currentTarget.value)} />
      </label>
      <label>
        Reason
        <input value={reason} maxLength={1000} onInput={({ currentTarget }) => setReason(currentTarget.value)} />
      </label>
      {problem && <ProblemBlock problem={problem} />}
      <button type="submit" class="primary" disabled={isBusy || !chosen.targets}>
        Start audit
      </button>
    </form>
  )
}
