import { href, hrefWith } from '../../url/location.ts'
import { Link } from '../link.tsx'

/** The labels of a target; each filters this list by it, or the list at `page`. */
export function Labels({ labels, page }: { labels: Readonly<Record<string, string>>; page?: string }) {
  return (
    <ul class="labels">
      {Object.entries(labels).map(([name, value]) => (
        <li key={name}>
          <Link
            class="label"
            url={page ? href(page, { label: `${name}:${value}` }) : hrefWith({ label: `${name}:${value}` })}
          >
            {name}={value}
          </Link>
        </li>
      ))}
    </ul>
  )
}
