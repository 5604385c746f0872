import { Block } from '../../parts/page.tsx'
import { resultNames } from '../../parts/results/results.ts'
import { Glyph } from '../../parts/results/verdict.tsx'
import type { CurrentFinding } from '../findings/current-finding.ts'
import { type Ladder, laddersOf } from './ad-ladder.ts'

/** How far connections to directories come; the first failure stops the ladder. */
export function AdLadders({ findings }: { findings: readonly CurrentFinding[] }) {
  const ladders = laddersOf(findings)
  if (ladders.length === 0) return null
  return (
    <Block title="Active Directory, step by step" note="The first failure stops the ladder">
      {ladders.map((ladder) => (
        <LadderCard key={ladder.title} ladder={ladder} />
      ))}
    </Block>
  )
}

const words = { pass: 'Yes', fail: 'No', unknown: resultNames.unknown, notchecked: 'Not reached' } as const

function LadderCard({ ladder: { title, steps } }: { ladder: Ladder }) {
  return (
    <div class="card">
      <h3>{title}</h3>
      <ol class="ladder">
        {steps.map(({ name, result, detail }) => (
          <li key={name} data-result={result}>
            <Glyph result={result} label={words[result]} />
            <span>{name}</span>
            {detail && result !== 'notchecked' && <span class="faint">{detail}</span>}
          </li>
        ))}
      </ol>
    </div>
  )
}
