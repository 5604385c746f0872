import { useEffect, useState } from 'preact/hooks'
import { formatTime } from '../time.tsx'
import { nearestSnap, nextSnap, type Snap } from './snaps.ts'

const settleMs = 400

/** A period as two handles between two times, which snap to what happened; all times in ms. Arrow keys go from one to the next. */
export function TimeRange({
  label,
  from,
  to,
  start,
  end,
  snaps,
  onChange,
}: {
  label: string
  from: number
  to: number
  start: number
  end: number
  snaps: readonly Snap[]
  /** Called when the handles rest. */
  onChange: (start: number, end: number) => void
}) {
  const [range, setRange] = useState([start, end] as const)
  const [shownStart, shownEnd] = range
  useEffect(() => setRange([start, end]), [start, end])
  useEffect(() => {
    if (shownStart === start && shownEnd === end) return
    const timer = setTimeout(() => onChange(shownStart, shownEnd), settleMs)
    return () => clearTimeout(timer)
  }, [shownStart, shownEnd, start, end])
  const percent = (ms: number) => `${((ms - from) / (to - from)) * 100}%`
  const handle = { from, to, snaps }
  return (
    <fieldset class="time-range" aria-label={label}>
      <svg class="time-range-track" aria-hidden="true">
        {snaps.map((snap) => (
          <line key={`${snap.at} ${snap.label}`} x1={percent(snap.at)} x2={percent(snap.at)} y1="35%" y2="65%" />
        ))}
        <rect
          class="time-range-chosen"
          x={percent(shownStart)}
          width={`${((shownEnd - shownStart) / (to - from)) * 100}%`}
          y="40%"
          height="20%"
        />
      </svg>
      <Handle
        label="From"
        value={shownStart}
        onMove={(ms) => setRange([Math.min(ms, shownEnd), shownEnd])}
        {...handle}
      />
      <Handle
        label="To"
        value={shownEnd}
        onMove={(ms) => setRange([shownStart, Math.max(ms, shownStart)])}
        {...handle}
      />
    </fieldset>
  )
}

const minuteMs = 60_000

function Handle({
  label,
  value,
  from,
  to,
  snaps,
  onMove,
}: {
  label: string
  value: number
  from: number
  to: number
  snaps: readonly Snap[]
  onMove: (ms: number) => void
}) {
  const here = snaps.find(({ at }) => at === value)
  const onKeyDown = (event: KeyboardEvent) => {
    const next = nextSnap(event.key, value, { from, to, snaps })
    if (next === undefined) return
    event.preventDefault()
    onMove(next)
  }
  return (
    <input
      type="range"
      aria-label={label}
      min={from}
      max={to}
      step={minuteMs / 60}
      value={value}
      aria-valuetext={formatTime(new Date(value).toISOString()) + (here ? `, ${here.label}` : '')}
      onKeyDown={onKeyDown}
      onInput={({ currentTarget }) => {
        const ms = nearestSnap(Number(currentTarget.value), { from, to, snaps })
        currentTarget.value = String(ms)
        onMove(ms)
      }}
    />
  )
}
