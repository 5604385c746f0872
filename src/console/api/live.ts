import { signal } from '@preact/signals'
import { servicePath } from '../url/base.ts'
import { mayAny } from './me.ts'
import { refreshAll } from './resource.ts'
import { me } from './session.ts'

/** How many audits have ended since the page was loaded or refreshed. */
export const newResults = signal(0)

const stored = () => localStorage.getItem('live') !== 'off'
/** Whether the console listens for new results. */
export const isLive = signal(stored())

export function setLive(on: boolean): void {
  isLive.value = on
  localStorage.setItem('live', on ? 'on' : 'off')
}

/** Loads what the page shows again; known content stays until the new one is there. */
export function showNewResults(options?: { isBackground: boolean }): void {
  newResults.value = 0
  refreshAll(options)
}

/**
 * Counts new results until the returned function is called. A page in the background holds no connection: browsers have few for each
 * service. Without a stream nothing is said: pages are as fresh as they were loaded.
 */
export function listenForResults(): () => void {
  if (!isLive.value || !mayAny(me.value, 'reports:read', 'audits:run')) return () => {}
  let source: EventSource | undefined
  let last = 0
  const count = () => {
    newResults.value++
  }
  const follow = () => {
    const isShown = document.visibilityState === 'visible'
    if (!isShown) {
      source?.close()
      source = undefined
    } else if (!source) {
      source = new EventSource(servicePath('/v1/events'))
      source.addEventListener('audit.completed', count)
      source.addEventListener('missed', count)
      if (last > 0) count() // something may have happened in between
      last++
    }
  }
  follow()
  document.addEventListener('visibilitychange', follow)
  return () => {
    document.removeEventListener('visibilitychange', follow)
    source?.close()
  }
}
