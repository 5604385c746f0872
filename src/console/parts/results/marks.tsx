import { resultNames, resultOrder, type ShownResult } from './results.ts'

/** The patterns of bars, once in the document: what was not seen is hatched, unlike every result. */
export function Patterns() {
  return (
    <svg class="patterns" aria-hidden="true">
      <defs>
        {(['unknown', 'waived', 'notchecked'] as const).map((name) => (
          <pattern
            key={name}
            id={`hatch-${name}`}
            class="hatch"
            data-result={name}
            width="6"
            height="6"
            patternUnits="userSpaceOnUse"
            patternTransform={name === 'waived' ? 'rotate(-45)' : 'rotate(45)'}
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
