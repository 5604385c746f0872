import { hrefWith, query } from '../../url/location.ts'
import type { Parameters } from '../../url/parameters.ts'
import { Link } from '../link.tsx'

/** Tabs are links: the parameter `name` of the URL says which one is shown; `initial` is the default. */
export function Tabs({
  name,
  label,
  tabs,
  initial = tabs[0]?.[0],
  resets = {},
}: {
  name: string
  label: string
  tabs: readonly (readonly [id: string, text: string])[]
  initial?: string | undefined
  /** Parameters that a choice sets anew. */
  resets?: Parameters
}) {
  const chosen = query.value.get(name) ?? initial
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map(([id, text]) => (
        <Link key={id} url={hrefWith({ ...resets, [name]: id === initial ? null : id })} current={id === chosen}>
          {text}
        </Link>
      ))}
    </nav>
  )
}
