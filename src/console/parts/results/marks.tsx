import { resultNames, resultOrder, type ShownResult } from './results.ts'

const directions = { unknown: 45, waived: -45, notchecked: 45, error: 90 }

/** The patterns of bars, once in the document: what has no outcome is hatched, each kind in another direction. */
export function Patterns() {
  return (
    <svg class="patterns" aria-hidden="true">
      <defs>
        {(['unknown', 'waived', 'notchecked', 'error'] as const).map((name) => (
          <pattern
            key={name}
            id={`hatch-${name}`}
            class="hatch"
            data-result={name}
            width="6"
            height="6"
            patternUnits="userSpaceOnUse"
            patternTransform={`rotate(${directions[name]})`}
          >
            <rect width="6" height="6" />
            <path d="M0 0v6" />
          </pattern>
        ))}
      </defs>
    </svg>
  )
}

/** A rectangle of a bar; numbers are percent of its width. */
export function Mark({
  result,
  from,
  size,
  title,
}: {
  result: ShownResult
  from: number
  size: number
  title: string
}) {
  return (
    <rect class="mark" data-result={result} x={`${from}%`} width={`${Math.max(size, 0.3)}%`} height="100%">
      <title>{title}</title>
    </rect>
  )
}

export type ShownCounts = Partial<Readonly<Record<ShownResult, number>>>

/** "3 fail, 41 pass", the worst first. */
export const countsText = (counts: ShownCounts): string =>
  resultOrder
    .filter((result) => (counts[result] ?? 0) > 0)
    .map((result) => `${counts[result]?.toLocaleString('en')} ${resultNames[result].toLowerCase()}`)
    .join(', ') || 'nothing checked'

/** The shares of the results as one bar. What does not apply is left out. */
export function CountsBar({ counts }: { counts: ShownCounts }) {
  const shares = resultOrder
    .filter((result) => result !== 'notapplicable')
    .map((result) => [result, counts[result] ?? 0] as const)
  const total = shares.reduce((sum, [, count]) => sum + count, 0)
  let from = 0
  return (
    <svg class="bar" role="img" aria-label={countsText(counts)}>
      {shares.map(([result, count]) => {
        if (count === 0) return null
        const size = (count / total) * 100
        from += size
        return (
          <Mark key={result} result={result} from={from - size} size={size} title={`${count} ${resultNames[result]}`} />
        )
      })}
    </svg>
  )
}
