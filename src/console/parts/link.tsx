import type { ComponentChildren } from 'preact'
import { href } from '../url/location.ts'
import type { Parameters } from '../url/parameters.ts'

/** A link to a page of the console (`to`, below `/ui`), or to a URL. */
export function Link({
  to,
  query,
  url,
  current,
  class: name,
  children,
}: {
  to?: string
  query?: Parameters
  url?: string
  current?: boolean
  class?: string
  children: ComponentChildren
}) {
  return (
    <a href={url ?? href(to ?? '/', query)} class={name} aria-current={current ? 'page' : undefined}>
      {children}
    </a>
  )
}
