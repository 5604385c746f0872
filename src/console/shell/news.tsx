import { useEffect } from 'preact/hooks'
import { isLive, listenForResults, newResults, showNewResults } from '../api/live.ts'
import { me } from '../api/session.ts'
import { at, path } from '../url/location.ts'

/** The pages that new results change. */
const pages: readonly string[] = ['/', '/findings', '/matrix', '/flows', '/drift', '/controls', '/audits']

/** Offers new results in a corner, so that nothing that is read moves. */
export function News() {
  const person = me.value?.id
  const isOn = isLive.value
  const isPast = at.value !== undefined
  useEffect(() => (isOn && !isPast && person ? listenForResults() : undefined), [isOn, isPast, person])
  const here = path.value
  // A page that is opened is new.
  useEffect(() => {
    newResults.value = 0
  }, [here])
  const count = newResults.value
  return (
    <div class="news" role="status">
      {count > 0 && pages.includes(here) && !isPast && (
        <button type="button" class="primary" onClick={() => showNewResults()}>
          {count === 1 ? 'A new audit has ended' : `${count} new audits have ended`}: show
        </button>
      )}
    </div>
  )
}
