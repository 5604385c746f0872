import type { ComponentChildren } from 'preact'
import { href } from '../url/location.ts'
import type { Parameters } from '../url/parameters.ts'

/** A link to a page of the console (`to`, below `/ui`), or to a URL. */
export function Link({
  to,
  query,
  hash,
  url,
  current,
  class: name,
  children,
}: {
  to?: string
  query?: Parameters
  /** The id of an element on that page. */
  hash?: string
  url?: string
  current?: boolean
  class?: string
  children: ComponentChildren
}) {
  return (
    <a
      href={url ?? href(to ?? '/', query) + (hash === undefined ? '' : `#${encodeURIComponent(hash)}`)}
      class={name}
      aria-current={current ? 'page' : undefined}
    >
      {children}
    </a>
  )
}
