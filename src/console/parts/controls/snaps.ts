/** A time at which something happened, to which handles snap. */
export interface Snap {
  /** In ms. */
  at: number
  label: string
}

interface Bounds {
  from: number
  to: number
  snaps: readonly Snap[]
}

const dayMs = 24 * 60 * 60 * 1000
/** So near to a snap a handle goes there, as a share of the period. */
const pull = 0.012

/** The time itself, or that of the snap that is near. */
export function nearestSnap(ms: number, { from, to, snaps }: Bounds): number {
  let nearest = ms
  let distance = (to - from) * pull
  for (const { at } of snaps) {
    if (Math.abs(at - ms) > distance) continue
    distance = Math.abs(at - ms)
    nearest = at
  }
  return nearest
}

/** Where a key leads from a time: arrows to the next snap, or by a tenth of the period where there is none; undefined for other keys. */
export function nextSnap(key: string, ms: number, { from, to, snaps }: Bounds): number | undefined {
  const bounded = (time: number) => Math.min(to, Math.max(from, time))
  const times = [...snaps.map(({ at }) => at), from, to]
    .filter((at) => at >= from && at <= to)
    .toSorted((a, b) => a - b)
  const step = (to - from) / 10
  const isAlone = snaps.length === 0
  switch (key) {
    case 'ArrowLeft':
    case 'ArrowDown':
      return isAlone ? bounded(ms - step) : (times.findLast((at) => at < ms) ?? from)
    case 'ArrowRight':
    case 'ArrowUp':
      return isAlone ? bounded(ms + step) : (times.find((at) => at > ms) ?? to)
    case 'PageDown':
      return bounded(ms - dayMs)
    case 'PageUp':
      return bounded(ms + dayMs)
    case 'Home':
      return from
    case 'End':
      return to
    default:
      return undefined
  }
}
