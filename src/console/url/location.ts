import { computed, signal } from '@preact/signals'
import { consolePath } from './base.ts'
import { type Parameters, withParameters } from './parameters.ts'

const read = () => ({
  path: location.pathname.slice(consolePath.length) || '/',
  query: new URLSearchParams(location.search),
})
const here = signal(read())

/** The path below `/ui`, percent-encoded as in the URL. */
export const path = computed(() => here.value.path)
export const query = computed(() => here.value.query)

/** The values of a parameter that can be repeated. */
export const queryAll = (name: string): string[] => query.value.getAll(name)

/** The time of the past that every page shows (RFC 3339); undefined is now. */
export const at = computed(() => query.value.get('at') ?? undefined)

/** The URL of a page of the console; the time of the time control stays. */
export const href = (page: string, parameters: Parameters = {}): string =>
  consolePath + page + withParameters(new URLSearchParams(at.value && { at: at.value }), parameters)

/** The URL of this page with other parameters. A cursor belongs to its filters, so it is dropped unless it is given. */
export const hrefWith = (changes: Parameters): string =>
  consolePath + path.value + withParameters(new URLSearchParams(query.value), { cursor: null, ...changes })

/** Goes to a URL of the console; `replace` leaves no entry in the history. */
export function navigate(url: string, { replace = false } = {}): void {
  history[replace ? 'replaceState' : 'pushState'](null, '', url)
  here.value = read()
}

/** Changes parameters of this page. */
export const setQuery = (changes: Parameters, options?: { replace?: boolean }): void =>
  navigate(hrefWith(changes), options)

/** Follows links within the console without loading a document, and the buttons of the browser. */
export function followLinks(): void {
  addEventListener('popstate', () => {
    here.value = read()
  })
  addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest('a') : null
    const isPlain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
    if (!link?.href || !isPlain || event.defaultPrevented || link.target || link.hasAttribute('download')) return
    const url = new URL(link.href)
    const isOwn = url.origin === location.origin && `${url.pathname}/`.startsWith(`${consolePath}/`)
    if (!isOwn || (url.hash && url.pathname === location.pathname && url.search === location.search)) return
    event.preventDefault()
    navigate(url.href)
  })
}
