import { hrefWith } from '../../url/location.ts'
import { Link } from '../link.tsx'

/** The labels of a target; each filters the list by it. */
export function Labels({ labels }: { labels: Readonly<Record<string, string>> }) {
  return (
    <ul class="labels">
      {Object.entries(labels).map(([name, value]) => (
        <li key={name}>
          <Link class="label" url={hrefWith({ label: `${name}=${value}` })}>
            {name}={value}
          </Link>
        </li>
      ))}
    </ul>
  )
}
