import { hrefWith, query } from '../../url/location.ts'
import { Link } from '../link.tsx'

/** Tabs are links: the parameter `name` of the URL says which one is shown; the first is the default. */
export function Tabs({
  name,
  label,
  tabs,
}: {
  name: string
  label: string
  tabs: readonly (readonly [id: string, text: string])[]
}) {
  const chosen = query.value.get(name) ?? tabs[0]?.[0]
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map(([id, text], index) => (
        <Link key={id} url={hrefWith({ [name]: index === 0 ? null : id })} current={id === chosen}>
          {text}
        </Link>
      ))}
    </nav>
  )
}
