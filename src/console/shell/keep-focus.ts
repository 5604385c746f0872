/**
 * Keeps the focus of people who use the keyboard, until the returned function is called: where the focused element leaves the page,
 * its block or page gets the focus, and a button that is disabled while it works has it again afterwards.
 */
export function keepFocus(): () => void {
  let last: Element | undefined
  let around: Element[] = []
  const onFocus = ({ target }: FocusEvent) => {
    if (!(target instanceof Element)) return
    last = target
    around = ancestorsOf(target)
  }
  const restore = () => {
    if (!last || (document.activeElement ?? document.body) !== document.body) return
    if (!last.isConnected) headingOf(around.find((element) => element.isConnected))?.focus()
    else if (last.matches(':disabled')) return
    else if (last instanceof HTMLElement && wasDisabled.delete(last)) last.focus()
  }
  const wasDisabled = new WeakSet<Element>()
  const observer = new MutationObserver((records) => {
    for (const { target, attributeName } of records)
      if (attributeName && target === last && last.matches(':disabled')) wasDisabled.add(last)
    restore()
  })
  observer.observe(document.body, { childList: true, subtree: true, attributeFilter: ['disabled'] })
  addEventListener('focusin', onFocus)
  return () => {
    observer.disconnect()
    removeEventListener('focusin', onFocus)
  }
}

function ancestorsOf(element: Element): Element[] {
  const found: Element[] = []
  for (let one = element.parentElement; one; one = one.parentElement) found.push(one)
  return found
}

/** The heading of the block around an element, else that of the page. */
function headingOf(element: Element | undefined): HTMLElement | null | undefined {
  const block = element?.closest('dialog, section.block')
  const heading = block?.querySelector<HTMLElement>('h2') ?? document.querySelector<HTMLElement>('main h1')
  if (heading && !heading.hasAttribute('tabindex')) heading.tabIndex = -1
  return heading
}
