import { useEffect, useState } from 'preact/hooks'
import type { Static } from 'typebox'
import type { Policy as PolicySchema } from '../../../api/routes/policies/schemas.ts'
import type { Vantage as VantageSchema } from '../../../api/routes/vantages/schemas.ts'
import { getVersioned, send, type Versioned } from '../../api/client.ts'
import { useResource } from '../../api/resource.ts'
import { EmptyState } from '../../parts/empty-state.tsx'
import { Field, Form, TextField } from '../../parts/forms/form.tsx'
import { whyNotAllowed } from '../../parts/forms/permission.ts'
import { useSubmission } from '../../parts/forms/submission.ts'
import { Link } from '../../parts/link.tsx'
import { Page, type PageProps } from '../../parts/page.tsx'
import { ProblemBlock } from '../../parts/problem-block.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { href, navigate, query } from '../../url/location.ts'
import { uri } from '../../url/parameters.ts'
import { ParameterFields } from '../audits/parameter-fields.tsx'
import { emptySchedule, readTypedSchedule, type TypedSchedule, typedSchedule } from './schedule-fields.ts'
import type { Schedule } from './schedules.tsx'
import { TimingFields } from './timing-fields.tsx'
import './schedules.css'

type Policy = Static<typeof PolicySchema>
type Vantage = Static<typeof VantageSchema>

/** A form for a new schedule, or, with a name in the path, for a change of one. */
export default function ScheduleForm({ params: { name } }: PageProps) {
  const policies = useResource<{ items: Policy[] }>('/v1/policies?limit=500')
  const loading = useSubmission()
  const [stored, setStored] = useState<Versioned<Schedule>>()
  const load = () =>
    loading.run(async () => {
      if (name !== undefined) setStored(await getVersioned(uri`/v1/schedules/${name}`))
    })
  useEffect(() => {
    void load()
  }, [name])
  const reason = whyNotAllowed('audits:run')
  return (
    <Page
      title={name === undefined ? 'Add a schedule' : `Edit ${name}`}
      lead="The same audit at fixed times, so that changes are found by themselves."
    >
      {reason && <EmptyState title={`${reason}.`} />}
      {loading.problem && <ProblemBlock problem={loading.problem} onRetry={() => void load()} />}
      {!reason && (name === undefined || stored) && (
        <ResourceView of={policies}>{({ items }) => <Fields policies={items} stored={stored} />}</ResourceView>
      )}
    </Page>
  )
}

function Fields({ policies, stored }: { policies: readonly Policy[]; stored: Versioned<Schedule> | undefined }) {
  const [typed, setTyped] = useState<TypedSchedule>(() =>
    stored
      ? typedSchedule(stored.value)
      : {
          ...emptySchedule(query.value.get('policy') ?? policies[0]?.name ?? ''),
          targets: query.value.getAll('target').join('\n'),
        },
  )
  const submission = useSubmission()
  const vantages = useResource<{ items: Vantage[] }>('/v1/vantages?limit=500')
  const change = (changes: Partial<TypedSchedule>) => setTyped({ ...typed, ...changes })
  const { content, issues } = readTypedSchedule(typed)
  const name = stored?.value.name ?? typed.name.trim()
  const save = () =>
    submission.run(async () => {
      if (stored) await send('PUT', uri`/v1/schedules/${name}`, content, { headers: { 'if-match': stored.etag } })
      else {
        const body = { name, ...content }
        await send('POST', '/v1/schedules', body, { headers: submission.keyFor(body) })
      }
      navigate(href(uri`/schedules/${name}`))
    })
  const [policyName] = typed.policy.split('@')
  return (
    <Form
      submission={submission}
      issues={issues}
      onSubmit={save}
      conflictAt={stored ? undefined : '/name'}
      submit={stored ? 'Save' : 'Add the schedule'}
      isReady={typed.targets.trim() !== ''}
      buttons={<Link to={stored ? uri`/schedules/${name}` : '/schedules'}>Cancel</Link>}
    >
      {!stored && (
        <TextField
          label="Name"
          pointer="/name"
          hint="Lower-case letters, digits, dots and hyphens."
          required
          maxLength={100}
          placeholder="nightly"
          value={typed.name}
          onChange={(value) => change({ name: value })}
        />
      )}
      <Field label="Policy" pointer="/audit/policy">
        {(control) => (
          <select
            {...control}
            value={typed.policy}
            onChange={({ currentTarget }) => change({ policy: currentTarget.value })}
          >
            {policies.some((policy) => policy.name === typed.policy) || <option>{typed.policy}</option>}
            {policies.map((policy) => (
              <option key={policy.name} value={policy.name}>
                {policy.document.title}
              </option>
            ))}
          </select>
        )}
      </Field>
      <TextField
        label="Targets"
        pointer="/audit/targets"
        hint={
          <>
            A name in a line; or labels such as <code>site=hq</code>, which select the targets that have them at the
            time of each run.
          </>
        }
        rows={4}
        required
        value={typed.targets}
        onChange={(targets) => change({ targets })}
      />
      <TimingFields
        timing={typed.timing}
        timeZone={typed.timeZone}
        onChange={(timing) => change({ timing })}
        onTimeZone={(timeZone) => change({ timeZone })}
      />
      <ParameterFields
        document={policies.find((policy) => policy.name === policyName)?.document}
        values={typed.params}
        at="/audit/params"
        onChange={(params) => change({ params })}
      />
      <details class="more">
        <summary>More</summary>
        <fieldset class="field">
          <legend>Vantages, all if none is chosen</legend>
          {[...new Set([...(vantages.value?.items ?? []).map((vantage) => vantage.name), ...typed.vantages])].map(
            (vantage) => (
              <label key={vantage} class="check">
                <input
                  type="checkbox"
                  checked={typed.vantages.includes(vantage)}
                  onChange={({ currentTarget }) =>
                    change({
                      vantages: currentTarget.checked
                        ? [...typed.vantages, vantage]
                        : typed.vantages.filter((one) => one !== vantage),
                    })
                  }
                />
                {vantage}
              </label>
            ),
          )}
        </fieldset>
        <TextField
          label="Largest delay in minutes"
          pointer="/jitterSeconds"
          hint="Spreads the load of many schedules. A run always has the same delay. At most 60."
          inputMode="numeric"
          value={typed.jitterMinutes}
          onChange={(jitterMinutes) => change({ jitterMinutes })}
        />
        <Field label="While an earlier audit runs" pointer="/overlap">
          {(control) => (
            <select
              {...control}
              value={typed.overlap}
              onChange={({ currentTarget }) => change({ overlap: currentTarget.value as TypedSchedule['overlap'] })}
            >
              <option value="skip">The run is skipped</option>
              <option value="queue">The run waits for its end</option>
            </select>
          )}
        </Field>
        <Field label="After an outage of the service" pointer="/missed">
          {(control) => (
            <select
              {...control}
              value={typed.missed}
              onChange={({ currentTarget }) => change({ missed: currentTarget.value as TypedSchedule['missed'] })}
            >
              <option value="once">The last missed run is made up for</option>
              <option value="skip">Missed runs are dropped</option>
            </select>
          )}
        </Field>
        <TextField
          label="Reason"
          pointer="/audit/reason"
          need="optional"
          maxLength={1000}
          value={typed.reason}
          onChange={(reason) => change({ reason })}
        />
      </details>
    </Form>
  )
}
