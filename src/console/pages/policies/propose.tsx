import { useState } from 'preact/hooks'
import type { Static } from 'typebox'
import type { Proposal as ProposalSchema } from '../../../api/routes/proposals/schemas.ts'
import { call } from '../../api/client.ts'
import { ProblemError } from '../../api/problem.ts'
import { Form, TextField } from '../../parts/forms/form.tsx'
import { useSubmission } from '../../parts/forms/submission.ts'
import { uri } from '../../url/parameters.ts'
import { readTargets } from '../audits/read-targets.ts'

type Proposal = Static<typeof ProposalSchema>

/** A form that probes ports of targets; `onProposed` gets a policy for what is open, as YAML. */
export function ProposalForm({ onProposed }: { onProposed: (source: string) => void }) {
  const [targets, setTargets] = useState('')
  const [ports, setPorts] = useState('1-1024')
  const submission = useSubmission()
  const chosen = readTargets(targets)
  const propose = () =>
    submission.run(async () => {
      const body = { targets: chosen.targets, ports: ports.split(/[\s,]+/) }
      const headers = submission.keyFor(body)
      let proposal: Proposal = await (await call('/v1/policies/propose', { method: 'POST', body, headers })).json()
      while (proposal.status === 'queued' || proposal.status === 'running')
        proposal = await (await call(uri`/v1/proposals/${proposal.id}`, { headers: { prefer: 'wait=15' } })).json()
      if (proposal.source === null) throw new ProblemError({ status: 0, title: `${proposal.status}: nothing is open` })
      onProposed(proposal.source)
    })
  return (
    <Form submission={submission} onSubmit={propose} submit="Propose" isReady={chosen.targets !== undefined}>
      <TextField
        label="Targets"
        pointer="/targets"
        hint="Names, one in a line, or labels such as site=hq."
        rows={5}
        required
        value={targets}
        onChange={setTargets}
      />
      <TextField label="Ports" pointer="/ports" required value={ports} onChange={setPorts} />
      <p role="status">{submission.isBusy && 'Vantages are probing.'}</p>
    </Form>
  )
}
