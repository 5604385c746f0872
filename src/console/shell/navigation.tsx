import { routes } from '../pages/routes.ts'
import { Link } from '../parts/link.tsx'
import { path } from '../url/location.ts'

const groups = ['Status', 'Work', 'Set-up'] as const
const entries = routes.flatMap(({ path, entry }) => (entry ? [{ path, ...entry }] : []))

/** Whether a page, or one below it, is shown. */
const isHere = (page: string) => (page === '/' ? path.value === '/' : `${path.value}/`.startsWith(`${page}/`))

/** The pages by group. */
export function Navigation({ class: name = '' }: { class?: string }) {
  return (
    <nav class={`pages ${name}`} aria-label="Pages">
      {groups.map((group) => (
        <section key={group} aria-labelledby={`nav-${group}`}>
          <h2 id={`nav-${group}`}>{group}</h2>
          <ul>
            {entries
              .filter((entry) => entry.group === group)
              .map((entry) => (
                <li key={entry.path}>
                  <Link to={entry.path} current={isHere(entry.path)}>
                    {entry.label}
                  </Link>
                </li>
              ))}
          </ul>
        </section>
      ))}
    </nav>
  )
}
