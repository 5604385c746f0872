import type { Locator, Page } from 'playwright-core'
import { expect } from 'vitest'

const mostStops = 150

/** What is wrong with the element that has the focus: it must be marked, in sight and not covered; undefined where nothing is. */
const problemOfStop = `(() => {
  const one = document.activeElement
  if (!one || one === document.body) return undefined // between the last element and the first
  const problem = (text) => text + ': ' + one.outerHTML.slice(0, 160)
  const marked = one.closest('[data-focused=true]') ?? one
  const { outlineStyle, outlineWidth } = getComputedStyle(marked)
  if (outlineStyle === 'none' || parseFloat(outlineWidth) < 2) return problem('not marked')
  const box = marked.getBoundingClientRect()
  const left = Math.max(0, box.left), right = Math.min(innerWidth, box.right)
  const top = Math.max(0, box.top), bottom = Math.min(innerHeight, box.bottom)
  if (right - left < 1 || bottom - top < 1) return problem('out of sight')
  const there = document.elementFromPoint((left + right) / 2, (top + bottom) / 2)
  return there && (marked.contains(there) || there.contains(marked)) ? undefined : problem('covered by ' + there?.className)
})()`

/** Presses Tab until the element has the focus; every stop before it must be visible. */
export async function tabTo(page: Page, element: Locator): Promise<void> {
  await element.waitFor({ state: 'attached' })
  for (let stops = 0; stops < mostStops; stops++) {
    await page.keyboard.press('Tab')
    const problem = await page.evaluate<string | undefined>(problemOfStop)
    expect(problem).toBeUndefined()
    if (await isFocused(element)) return
  }
  throw new Error(`${mostStops} stops of the tab key do not lead to ${element}`)
}

export const isFocused = (element: Locator): Promise<boolean> =>
  element.evaluate(
    (one: unknown) => one === (one as { ownerDocument: { activeElement: unknown } }).ownerDocument.activeElement,
  )

/** Waits until the focus is on the title of a page, where a navigation moves it. */
export async function onTitle(page: Page, title: string | RegExp): Promise<void> {
  const heading = page.getByRole('heading', { level: 1, name: title })
  await heading.waitFor()
  await expect.poll(() => isFocused(heading)).toBe(true)
}
