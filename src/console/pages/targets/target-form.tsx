import { useState } from 'preact/hooks'
import type { Static } from 'typebox'
import type { Policy as PolicySchema } from '../../../api/routes/policies/schemas.ts'
import { useResource } from '../../api/resource.ts'
import { Form, TextField } from '../../parts/forms/form.tsx'
import type { Submission } from '../../parts/forms/submission.ts'
import { Link } from '../../parts/link.tsx'
import { ParameterFields } from '../audits/parameter-fields.tsx'
import { type ParameterValues, readTypedTarget, type TargetContent, type TypedTarget } from './target-fields.ts'

type Policy = Static<typeof PolicySchema>

/** The fields of a target; `onSend` gets what was typed, as the API takes it. */
export function TargetForm({
  typed,
  isNew,
  submission,
  submit,
  onChange,
  onSend,
}: {
  typed: TypedTarget
  /** Whether the name can be chosen. */
  isNew: boolean
  submission: Submission
  submit: string
  onChange: (typed: TypedTarget) => void
  onSend: (content: TargetContent) => Promise<unknown>
}) {
  const set = (name: keyof TypedTarget) => (value: string) => onChange({ ...typed, [name]: value })
  const { content, issues } = readTypedTarget(typed)
  return (
    <Form
      submission={submission}
      issues={issues}
      submit={submit}
      conflictAt="/name"
      buttons={<Link to="/targets">Cancel</Link>}
      onSubmit={() => onSend(content)}
    >
      {isNew && (
        <TextField
          label="Name"
          pointer="/name"
          hint="Unique. Its history hangs on it, so prefer a name that stays, such as the host name."
          required
          maxLength={253}
          placeholder="epp-01"
          value={typed.name}
          onChange={set('name')}
        />
      )}
      <TextField
        label="Address"
        pointer="/address"
        hint="An IP address or a host name, which every vantage resolves itself."
        required
        maxLength={253}
        placeholder="10.20.0.11"
        value={typed.address}
        onChange={set('address')}
      />
      <TextField
        label="Labels"
        pointer="/labels"
        need="optional"
        hint="One in a line, such as site=hq. Schedules, windows and reports select targets by them."
        rows={3}
        value={typed.labels}
        onChange={set('labels')}
      />
      <TextField
        label="Roles"
        pointer="/roles"
        need="optional"
        hint="With commas, such as epp-server."
        value={typed.roles}
        onChange={set('roles')}
      />
      <TextField
        label="External id"
        pointer="/externalId"
        need="optional"
        hint="The id of the host in another system, for example a CMDB."
        maxLength={200}
        value={typed.externalId}
        onChange={set('externalId')}
      />
      <Parameters values={typed.params} onChange={(params) => onChange({ ...typed, params })} />
    </Form>
  )
}

/** The parameters of one policy as fields, and those that it does not have. */
function Parameters({ values, onChange }: { values: ParameterValues; onChange: (values: ParameterValues) => void }) {
  const policies = useResource<{ items: Policy[] }>('/v1/policies?limit=500')
  const withParameters = (policies.value?.items ?? []).filter(({ document }) => document.parameters)
  const fitting = withParameters.find(({ document }) => Object.keys(values).some((name) => name in known(document)))
  const [chosen, setChosen] = useState<string>()
  const shown = withParameters.find(({ name }) => name === chosen) ?? fitting ?? withParameters[0]
  const others = Object.entries(values).filter(([name]) => !(shown && name in known(shown.document)))
  const without = (name: string) => Object.fromEntries(Object.entries(values).filter(([other]) => other !== name))
  return (
    <>
      {withParameters.length > 1 && (
        <label>
          Parameters of
          <select value={shown?.name} onChange={({ currentTarget }) => setChosen(currentTarget.value)}>
            {withParameters.map(({ name, document }) => (
              <option key={name} value={name}>
                {document.title}
              </option>
            ))}
          </select>
        </label>
      )}
      <ParameterFields
        key={shown?.name}
        document={shown?.document}
        values={values}
        need="needed, here or in each audit"
        onChange={onChange}
      />
      {others.length > 0 && (
        <fieldset>
          <legend>Other parameters</legend>
          <ul>
            {others.map(([name, value]) => (
              <li key={name} class="actions">
                <code>
                  {name} = {String(value).slice(0, 100)}
                </code>
                <button type="button" class="quiet" onClick={() => onChange(without(name))}>
                  Remove {name}
                </button>
              </li>
            ))}
          </ul>
        </fieldset>
      )}
    </>
  )
}

const known = (document: Policy['document']) => document.parameters ?? {}
