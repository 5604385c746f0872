import { useState } from 'preact/hooks'
import { Menu } from '../parts/controls/menu.tsx'
import { Icon } from '../parts/icon.tsx'
import { formatTime, localInput } from '../parts/time.tsx'
import { at, setQuery } from '../url/location.ts'

const dayMs = 24 * 60 * 60 * 1000

/** Shows a time of the past; a later one is now. */
export function goTo(ms: number): void {
  setQuery({ at: ms >= Date.now() ? null : new Date(ms).toISOString() })
}

/** Steps by one nightly run. */
export const step = (nights: number): void => goTo((at.value ? Date.parse(at.value) : Date.now()) + nights * dayMs)

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
      <button type="button" class="quiet" aria-label="One night earlier" onClick={() => step(-1)}>
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
      <button type="button" class="quiet" aria-label="One night later" disabled={!at.value} onClick={() => step(1)}>
        <Icon name="forward" />
      </button>
    </div>
  )
}
