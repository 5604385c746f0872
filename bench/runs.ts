import type { Figure } from './main.ts'
import { median } from './measure.ts'

/** A figure of several runs: the median, with the least and the greatest value. */
export interface Summary extends Figure {
  range?: [number, number]
}

/** Summarizes runs of one bench, whose figures are in the same order. A ratio is that of one run, so the median is one of them. */
export function summarize(runs: readonly (readonly Figure[])[]): Summary[] {
  const [first = []] = runs
  if (runs.length < 2) return [...first]
  return first.map((figure, i) => {
    const values = runs.flatMap((run) => run[i]?.value ?? [])
    return { ...figure, value: median(values), range: [Math.min(...values), Math.max(...values)] }
  })
}

/** `12.3 ms (11.9 to 14)`. */
export function showFigure({ value, unit, range }: Summary): string {
  const short = (number: number) => Number(number.toPrecision(4))
  return `${short(value)} ${unit}${range ? ` (${range.map(short).join(' to ')})` : ''}`
}
