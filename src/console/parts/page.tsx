import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

export interface PageProps {
  /** The parts of the path that the pattern names, decoded. */
  params: Record<string, string>
}

let isFirst = true

/** A page: its title, in the tab as well, one sentence about it, its actions, and its blocks. Focus moves to the title on navigation. */
export function Page({
  title,
  lead,
  actions,
  children,
}: {
  title: string
  lead?: ComponentChildren
  actions?: ComponentChildren
  children?: ComponentChildren
}) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = `${title} – Portwarden`
  }, [title])
  useEffect(() => {
    // The browser focuses the document when it loads.
    if (!isFirst) heading.current?.focus()
    isFirst = false
  }, [])
  return (
    <article class="page">
      <header class="page-head">
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {actions && <div class="actions">{actions}</div>}
        {lead && <p class="lead">{lead}</p>}
      </header>
      {children}
    </article>
  )
}

/** A block of a page with its heading, and what says how fresh it is. */
export function Block({
  title,
  note,
  children,
}: {
  title: string
  note?: ComponentChildren
  children?: ComponentChildren
}) {
  return (
    <section class="block" aria-label={title}>
      <header class="block-head">
        <h2>{title}</h2>
        {note && <p class="faint">{note}</p>}
      </header>
      {children}
    </section>
  )
}
