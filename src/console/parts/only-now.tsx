import { hrefWith } from '../url/location.ts'
import { EmptyState } from './empty-state.tsx'
import { Link } from './link.tsx'
import { Page } from './page.tsx'

/** Instead of a page that knows no past. */
export function OnlyNow({ title, children }: { title: string; children?: string }) {
  return (
    <Page title={title}>
      <EmptyState
        title={`${title} are shown as they are now.`}
        next={<Link url={hrefWith({ at: null })}>Go back to now</Link>}
      >
        {children}
      </EmptyState>
    </Page>
  )
}
