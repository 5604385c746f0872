import { signal } from '@preact/signals'
import { routes } from '../pages/routes.ts'
import { Dialog } from '../parts/controls/dialog.tsx'
import { href, navigate } from '../url/location.ts'
import { step } from './time-control.tsx'

const isOn = signal(localStorage.getItem('keys') !== 'off')
const isListed = signal(false)
export const showKeys = (): void => {
  isListed.value = true
}

const withKeys = routes.flatMap(({ path, entry }) => (entry?.key ? [{ path, label: entry.label, key: entry.key }] : []))
const listed: readonly [keys: string, does: string][] = [
  ['/', 'Search on this page, or everything'],
  ['[', 'Previous run'],
  [']', 'Next run'],
  ['?', 'This list'],
  ...withKeys.map(({ key, label }): [string, string] => [`g ${key}`, label]),
]

/** Listens for shortcuts until the returned function is called. Each can be switched off: WCAG 2.1.4. */
export function listenToKeys(): () => void {
  let last = ''
  const onKey = (event: KeyboardEvent) => {
    if (!isOn.value || isChord(event) || isTyping(event.target)) return
    const before = last
    last = event.key
    if (event.key === '?') isListed.value = true
    else if (event.key === '[') step(-1)
    else if (event.key === ']') step(1)
    else if (event.key === '/') focusSearch(event)
    else if (before === 'g') {
      const page = withKeys.find(({ key }) => key === event.key)
      if (page) navigate(href(page.path))
    }
  }
  addEventListener('keydown', onKey)
  return () => removeEventListener('keydown', onKey)
}

/** With a modifier that makes a command of the browser. AltGr and Option write `[` and `]` on many keyboards. */
const isChord = (event: KeyboardEvent) =>
  (event.ctrlKey || event.metaKey || (event.altKey && /^[a-z]$/.test(event.key))) && !event.getModifierState('AltGraph')

const isTyping = (target: EventTarget | null) =>
  target instanceof Element &&
  target.closest('input:not([type=checkbox], [type=radio], [type=range]), textarea, select, dialog') !== null

function focusSearch(event: KeyboardEvent): void {
  event.preventDefault()
  const search = document.querySelector<HTMLInputElement>('main input[type=search]')
  if (search) search.focus()
  else navigate(href('/search'))
}

/** The list of shortcuts, and the switch for all of them. */
export function KeyList() {
  if (!isListed.value) return null
  const toggle = () => {
    isOn.value = !isOn.value
    localStorage.setItem('keys', isOn.value ? 'on' : 'off')
  }
  return (
    <Dialog title="Keyboard shortcuts" onClose={() => (isListed.value = false)}>
      <dl class="key-values">
        {listed.map(([keys, does]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <label class="check">
        <input type="checkbox" checked={isOn.value} onChange={toggle} />
        Shortcuts are on
      </label>
    </Dialog>
  )
}
