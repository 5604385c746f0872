import { useEffect, useState } from 'preact/hooks'
import type { Static } from 'typebox'
import type { Ticks as TicksSchema } from '../../../api/routes/schedules/schemas.ts'
import { asProblemError, isAbort, send } from '../../api/client.ts'
import type { ProblemError } from '../../api/problem.ts'
import { Field, TextField } from '../../parts/forms/form.tsx'
import { Time } from '../../parts/time.tsx'
import { nextClockChange } from './clock-change.ts'
import { cronText } from './cron.ts'
import { cronOf, type Frequency, frequencies, frequencyNames, type Timing } from './frequency.ts'

type Ticks = Static<typeof TicksSchema>['ticks']

const weekdays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const zones = Intl.supportedValuesOf('timeZone')

/** When a schedule is due, with its next runs. */
export function TimingFields({
  timing,
  timeZone,
  onChange,
  onTimeZone,
}: {
  timing: Timing
  timeZone: string
  onChange: (timing: Timing) => void
  onTimeZone: (timeZone: string) => void
}) {
  const { frequency } = timing
  const set = (name: keyof Timing) => (value: string) => onChange({ ...timing, [name]: value })
  const choose = (next: Frequency) => onChange({ ...timing, frequency: next, cron: cronOf(timing) })
  return (
    <>
      <Field label="How often" pointer="/frequency">
        {(control) => (
          <select
            {...control}
            value={frequency}
            onChange={({ currentTarget }) => choose(currentTarget.value as Frequency)}
          >
            {frequencies.map((one) => (
              <option key={one} value={one}>
                {frequencyNames[one]}
              </option>
            ))}
          </select>
        )}
      </Field>
      {frequency === 'weekly' && (
        <Field label="On" pointer="/weekday">
          {(control) => (
            <select
              {...control}
              value={timing.weekday}
              onChange={({ currentTarget }) => set('weekday')(currentTarget.value)}
            >
              {weekdays.map((name, day) => (
                <option key={name} value={day}>
                  {name}
                </option>
              ))}
            </select>
          )}
        </Field>
      )}
      {frequency === 'monthly' && (
        <Field label="On day" pointer="/day" hint="A month without that day is left out.">
          {(control) => (
            <input
              {...control}
              type="number"
              min={1}
              max={31}
              required
              value={timing.day}
              onInput={({ currentTarget }) => set('day')(currentTarget.value)}
            />
          )}
        </Field>
      )}
      {frequency === 'custom' ? (
        <TextField
          label="Cron expression"
          pointer="/cron"
          hint="Minute, hour, day, month, day of the week, such as 15 2,14 * * 1-5; or a name such as @daily."
          required
          maxLength={200}
          value={timing.cron}
          onChange={set('cron')}
        />
      ) : (
        <Field label={frequency === 'hourly' ? 'At minute of' : 'At'} pointer="/cron">
          {(control) => (
            <input
              {...control}
              type="time"
              required
              value={timing.time}
              onInput={({ currentTarget }) => set('time')(currentTarget.value)}
            />
          )}
        </Field>
      )}
      <TextField
        label="Time zone"
        pointer="/timeZone"
        hint="Of the times above."
        required
        list="time-zones"
        value={timeZone}
        onChange={onTimeZone}
      />
      <datalist id="time-zones">
        {zones.map((zone) => (
          <option key={zone} value={zone} />
        ))}
      </datalist>
      <NextRuns cron={cronOf(timing)} timeZone={timeZone} />
    </>
  )
}

const shownRuns = 10
const settleMs = 300
const dayMs = 86_400_000

/** The runs from now on, and those around the next change of the clocks. */
interface Runs {
  next: Ticks
  change?: { at: Date; before: string; after: string; around: Ticks } | undefined
}

async function readRuns(cron: string, timeZone: string, signal: AbortSignal): Promise<Runs> {
  const ticks = async (more: object) =>
    (await send<{ ticks: Ticks }>('POST', '/v1/schedules/preview', { cron, timeZone, ...more }, { signal })).ticks
  const next = await ticks({ count: shownRuns })
  const change = nextClockChange(timeZone, new Date())
  if (!change) return { next }
  const from = new Date(change.at.getTime() - dayMs).toISOString()
  const around = (await ticks({ from, count: 4 })).filter(({ at }) => Date.parse(at) < change.at.getTime() + 2 * dayMs)
  return { next, change: { ...change, around } }
}

/** What the service makes of a cron expression, in words and as times. */
function NextRuns({ cron, timeZone }: { cron: string; timeZone: string }) {
  const [runs, setRuns] = useState<Runs>()
  const [problem, setProblem] = useState<ProblemError>()
  useEffect(() => {
    const leaving = new AbortController()
    const timer = setTimeout(() => {
      readRuns(cron, timeZone, leaving.signal)
        .then((read) => {
          setRuns(read)
          setProblem(undefined)
        })
        .catch((error: unknown) => isAbort(error) || setProblem(asProblemError(error)))
    }, settleMs)
    return () => {
      clearTimeout(timer)
      leaving.abort()
    }
  }, [cron, timeZone])
  const details = problem?.problem.errors?.map(({ detail }) => detail).join('; ')
  if (problem)
    return <p role="status" class="issue">{`When it is due cannot be read: ${details || problem.message}`}</p>
  if (!runs) return <div class="skeleton" />
  return (
    <section class="card" aria-label="Next runs">
      <p role="status">
        <strong>{cronText(cron) ?? 'As the cron expression says'}</strong> <code>{cron}</code>
      </p>
      {runs.next.length === 0 ? (
        <p>It is never due.</p>
      ) : (
        <ol class="next-runs">
          {runs.next.map(({ at, local }) => (
            <li key={at}>
              <Time value={at} /> <span class="faint">{localText(local)}</span>
            </li>
          ))}
        </ol>
      )}
      {runs.change && <ChangeNote timeZone={timeZone} change={runs.change} />}
    </section>
  )
}

/** "28 Mar 2027 02:30 +01:00" of an RFC 3339 time with an offset. */
const localText = (local: string) => `${local.slice(0, 10)} ${local.slice(11, 16)} ${local.slice(19)}`

function ChangeNote({ timeZone, change }: { timeZone: string; change: NonNullable<Runs['change']> }) {
  const { at, before, after, around } = change
  return (
    <p class="faint">
      The clocks in {timeZone} change on <Time value={at.toISOString()} />, from {before} to {after}.{' '}
      {around.length > 0 && <>Due around it: {around.map(({ local }) => localText(local)).join(', ')}.</>}
    </p>
  )
}
