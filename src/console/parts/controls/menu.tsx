import type { ComponentChildren, ComponentProps } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { path } from '../../url/location.ts'
import { Icon } from '../icon.tsx'

/** A button that opens a panel; Escape, a click or the focus elsewhere, and a navigation close it. */
export function Menu({
  label,
  icon,
  class: name = '',
  children,
}: {
  label: string
  icon: ComponentProps<typeof Icon>['name']
  class?: string
  children: ComponentChildren
}) {
  const details = useRef<HTMLDetailsElement>(null)
  const here = path.value
  useEffect(() => details.current?.removeAttribute('open'), [here])
  useEffect(() => {
    const close = (event: Event) => {
      const menu = details.current
      if (!menu?.open) return
      const isEscape = event instanceof KeyboardEvent && event.key === 'Escape'
      const isOutside = event.type !== 'keydown' && event.target instanceof Node && !menu.contains(event.target)
      if (!isEscape && !isOutside) return
      menu.open = false
      if (isEscape) menu.querySelector('summary')?.focus()
    }
    for (const type of ['click', 'focusin', 'keydown']) addEventListener(type, close)
    return () => {
      for (const type of ['click', 'focusin', 'keydown']) removeEventListener(type, close)
    }
  }, [])
  return (
    <details ref={details} class={`menu ${name}`}>
      <summary>
        <Icon name={icon} />
        <span>{label}</span>
      </summary>
      <div class="menu-panel">{children}</div>
    </details>
  )
}
