import type { ComponentType } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { asProblemError, countLoading } from '../api/client.ts'
import type { ProblemError } from '../api/problem.ts'
import { routes } from '../pages/routes.ts'
import { EmptyState } from '../parts/empty-state.tsx'
import { Link } from '../parts/link.tsx'
import { Page, type PageProps } from '../parts/page.tsx'
import { ProblemBlock } from '../parts/problem-block.tsx'
import { path } from '../url/location.ts'
import { matchPath } from '../url/route.ts'

interface Shown {
  path: string
  Component?: ComponentType<PageProps>
  problem?: ProblemError
}

/** Shows the page of the path; the one before stays until its code is there. */
export function Outlet() {
  const [shown, setShown] = useState<Shown>()
  const here = path.value
  useEffect(() => {
    let isLeft = false
    const show = (part: Omit<Shown, 'path'>) => isLeft || setShown({ path: here, ...part })
    const route = routes.find((candidate) => matchPath(candidate.path, here))
    if (!route) show({ Component: NotFound })
    else
      countLoading(route.load()).then(
        (module) => show({ Component: module.default }),
        (error: unknown) => show({ problem: asProblemError(error) }),
      )
    return () => {
      isLeft = true
    }
  }, [here])
  if (shown?.problem) return <ProblemBlock problem={shown.problem} onRetry={() => location.reload()} />
  if (!shown?.Component) return null
  const params = routes.map((route) => matchPath(route.path, shown.path)).find((match) => match) ?? {}
  return <shown.Component key={shown.path} params={params} />
}

function NotFound() {
  return (
    <Page title="There is no such page">
      <EmptyState title="The address leads nowhere." next={<Link to="/">Open the overview</Link>}>
        It may be mistyped, or belong to a newer version.
      </EmptyState>
    </Page>
  )
}
