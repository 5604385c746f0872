import type { ComponentChildren } from 'preact'

/** Why there is nothing, and what to do next. */
export function EmptyState({
  title,
  next,
  children,
}: {
  title: string
  next?: ComponentChildren
  children?: ComponentChildren
}) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children && <p>{children}</p>}
      {next && <div class="actions">{next}</div>}
    </div>
  )
}
