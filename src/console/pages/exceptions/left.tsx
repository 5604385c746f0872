import { useEffect, useState } from 'preact/hooks'
import { formatDuration } from '../../parts/time.tsx'

/** How long something lasts still: "1 h 12 min", counted down. */
export function Left({ until }: { until: string }) {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [])
  const ms = Date.parse(until) - now
  return <span class="left">{ms > 0 ? formatDuration(ms) : 'no time'}</span>
}
