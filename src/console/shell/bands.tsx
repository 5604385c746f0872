import { me } from '../api/session.ts'
import { Link } from '../parts/link.tsx'
import { Time } from '../parts/time.tsx'
import { at, hrefWith } from '../url/location.ts'

/** Says that a page shows the past, where nothing can be changed. */
export function PastBand() {
  if (!at.value) return null
  return (
    <p class="band" data-kind="past" role="status">
      <span>
        You see what was known on <Time value={at.value} />. Nothing can be changed here.
      </span>
      <Link url={hrefWith({ at: null })}>Back to now</Link>
    </p>
  )
}

/** Says to which targets a key is limited. */
export function TeamBand() {
  const targets = me.value?.targets
  if (!targets) return null
  const labels = Object.entries(targets.labels).map(([name, value]) => `${name} = ${value}`)
  return <p class="band">You see the targets with {labels.join(', ')} alone.</p>
}
