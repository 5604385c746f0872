import { CountsBar, type ShownCounts } from './marks.tsx'

export interface Standing {
  counts: { pass: number; fail: number; unknown: number; error: number; notapplicable: number; notchecked: number }
  /** Failures that a waiver accepts; `counts.fail` includes them. */
  waived: number
  /** Share of `pass` among what was checked, 0 to 1; null if nothing was. */
  score: number | null
}

type Counts = Standing['counts']

/** The sums of several groups, and their common score. */
export function sumStandings(standings: readonly Standing[]): Standing {
  const sum = { pass: 0, fail: 0, unknown: 0, error: 0, notapplicable: 0, notchecked: 0 }
  let waived = 0
  for (const standing of standings) {
    for (const name of Object.keys(sum) as (keyof Counts)[]) sum[name] += standing.counts[name]
    waived += standing.waived
  }
  const checked = sum.pass + sum.fail + sum.unknown + sum.error
  return { counts: sum, waived, score: checked === 0 ? null : sum.pass / checked }
}

/** The counts with the waived failures apart. */
export const shownCounts = ({ counts, waived }: Pick<Standing, 'counts' | 'waived'>): ShownCounts => ({
  ...counts,
  fail: counts.fail - waived,
  waived,
})

/** A score in percent: never rounded up to 100. */
export const percent = (score: number): string => `${(Math.floor(score * 1000) / 10).toFixed(1)} %`

/** "8,140 of 8,201 checked": what the score is made of. */
export function coverageText({ counts }: Pick<Standing, 'counts'>): string {
  const checked = counts.pass + counts.fail + counts.unknown + counts.error
  return `${checked.toLocaleString('en')} of ${(checked + counts.notchecked).toLocaleString('en')} checked`
}

/** A score, which never stands without its coverage. */
export function Score(standing: Standing) {
  return (
    <div class="score">
      <span class="score-value">{standing.score === null ? 'none' : percent(standing.score)}</span>
      <CountsBar counts={shownCounts(standing)} />
      <span class="faint">{coverageText(standing)}</span>
    </div>
  )
}
