import { useState } from 'preact/hooks'
import type { Static } from 'typebox'
import type { Audit } from '../../../api/routes/audits/schemas.ts'
import type { Policy as PolicySchema } from '../../../api/routes/policies/schemas.ts'
import { send } from '../../api/client.ts'
import { mayAny } from '../../api/me.ts'
import { useResource } from '../../api/resource.ts'
import { me } from '../../api/session.ts'
import { EmptyState } from '../../parts/empty-state.tsx'
import { Field, Form, TextField } from '../../parts/forms/form.tsx'
import { useSubmission } from '../../parts/forms/submission.ts'
import { Page } from '../../parts/page.tsx'
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
  const [ticket, setTicket] = useState(query.value.get('ticket') ?? '')
  const [reason, setReason] = useState('')
  const submission = useSubmission()
  const document = policies.find((policy) => policy.name === name)?.document
  const chosen = readTargets(targets)
  const start = () =>
    submission.run(async () => {
      const body = {
        policy: name,
        targets: chosen.targets,
        params: parameters,
        ...(ticket && { correlationId: ticket }),
        ...(reason && { reason }),
      }
      const headers = submission.keyFor(body)
      const audit = await send<Static<typeof Audit>>('POST', '/v1/audits', body, { headers })
      navigate(href(uri`/audits/${audit.id}`))
    })

  return (
    <Form submission={submission} onSubmit={start} submit="Start audit" isReady={chosen.targets !== undefined}>
      <Field label="Policy" pointer="/policy">
        {(control) => (
          <select {...control} value={name} onChange={({ currentTarget }) => setName(currentTarget.value)}>
            {policies.map((policy) => (
              <option key={policy.name} value={policy.name}>
                {policy.document.title ?? policy.name}
              </option>
            ))}
          </select>
        )}
      </Field>
      <TextField
        label="Targets"
        pointer="/targets"
        hint={
          <>
            One in a line: the name of a target, or a name and an address for a new one, such as{' '}
            <code>epp-01 10.20.0.11</code>. A line such as <code>site=hq</code> selects targets by a label.
          </>
        }
        rows={5}
        required
        value={targets}
        onChange={setTargets}
      />
      <p role="status">{chosen.sentence}</p>
      <ParameterFields document={document} values={parameters} onChange={setParameters} />
      <TextField
        label="Ticket"
        pointer="/correlationId"
        need="optional"
        maxLength={200}
        value={ticket}
        onChange={setTicket}
      />
      <TextField
        label="Reason"
        pointer="/reason"
        need="optional"
        maxLength={1000}
        value={reason}
        onChange={setReason}
      />
    </Form>
  )
}
