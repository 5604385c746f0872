import { useState } from 'preact/hooks'
import { Menu } from '../parts/controls/menu.tsx'
import { Icon } from '../parts/icon.tsx'
import { formatTime, localInput } from '../parts/time.tsx'
import { at, setQuery } from '../url/location.ts'
import { runAfter, runBefore } from './run-steps.ts'

const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs

/** Shows a time of the past; a later one is now, as is one of the last minute. */
export function goTo(ms: number): void {
  setQuery({ at: ms > Date.now() - minuteMs ? null : new Date(ms).toISOString() })
}

/** Steps are taken one after the other: each begins where the one before led. */
let steps = Promise.resolve()

/** Goes to the end of the run before (-1) or after (1) the time that is shown; by a day where no run is known. */
export function step(direction: -1 | 1): void {
  steps = steps.then(async () => {
    const shown = at.value ? Date.parse(at.value) : Date.now()
    if (direction > 0 && !at.value) return
    const find = direction < 0 ? runBefore : runAfter
    const run = await find(shown).catch(() => undefined) // the page, which loads next, shows what is wrong
    goTo(run ?? shown + direction * dayMs)
  })
}

/** The one control that turns every page to the past. */
export function TimeControl() {
  const [typed, setTyped] = useState<string>()
  const shown = typed ?? localInput(at.value ?? new Date().toISOString())
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    setTyped(undefined)
    goTo(Date.parse(shown))
  }
  return (
    <div class="time-control" data-past={at.value !== undefined}>
      <button type="button" class="quiet" aria-label="Previous run" onClick={() => step(-1)}>
        <Icon name="back" />
      </button>
      <Menu label={at.value ? formatTime(at.value) : 'Now'} icon="clock">
        <form onSubmit={submit}>
          <label>
            Show what was known at
            <input
              type="datetime-local"
              required
              value={shown}
              max={localInput(new Date().toISOString())}
              onInput={({ currentTarget }) => setTyped(currentTarget.value)}
            />
          </label>
          <p class="faint">Time zone: {Intl.DateTimeFormat().resolvedOptions().timeZone}</p>
          <div class="actions">
            <button type="submit" class="primary">
              Show this time
            </button>
            <button type="button" disabled={!at.value} onClick={() => setQuery({ at: null })}>
              Back to now
            </button>
          </div>
        </form>
      </Menu>
      <button type="button" class="quiet" aria-label="Next run" disabled={!at.value} onClick={() => step(1)}>
        <Icon name="forward" />
      </button>
    </div>
  )
}
