import { hrefWith, query } from '../../url/location.ts'
import { Link } from '../link.tsx'

/** Tabs are links: the parameter `name` of the URL says which one is shown; `initial` is the default. */
export function Tabs({
  name,
  label,
  tabs,
  initial = tabs[0]?.[0],
}: {
  name: string
  label: string
  tabs: readonly (readonly [id: string, text: string])[]
  initial?: string | undefined
}) {
  const chosen = query.value.get(name) ?? initial
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map(([id, text]) => (
        <Link key={id} url={hrefWith({ [name]: id === initial ? null : id })} current={id === chosen}>
          {text}
        </Link>
      ))}
    </nav>
  )
}
