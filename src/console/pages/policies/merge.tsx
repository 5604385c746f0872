import { useMemo, useState } from 'preact/hooks'
import { Block } from '../../parts/page.tsx'
import type { Base } from './draft.ts'
import { type Choice, compareThree, mergeText, type Region } from './three-way.ts'

const kinds: Readonly<Record<Exclude<Region['kind'], 'same'>, string>> = {
  mine: 'You changed it',
  theirs: 'They changed it',
  both: 'Both made the same change',
  conflict: 'Both changed it: choose',
}
const choices: readonly (readonly [choice: Choice, label: string])[] = [
  ['mine', 'Mine'],
  ['theirs', 'Theirs'],
  ['both', 'Mine, then theirs'],
]

/** What differs between the version that a draft began with, the draft, and a newer version, with a choice for each conflict. */
export function Merge({
  before,
  mine,
  theirs,
  onMerged,
}: {
  before: string
  mine: string
  theirs: Base
  onMerged: (text: string) => void
}) {
  const regions = useMemo(() => compareThree(before, mine, theirs.text), [before, mine, theirs])
  const [chosen, setChosen] = useState<ReadonlyMap<number, Choice>>(new Map())
  const merged = mergeText(regions, chosen)
  return (
    <Block title={`Version ${theirs.version} was saved meanwhile`}>
      <p>
        By {theirs.author ?? 'someone'}
        {theirs.note && <>: {theirs.note}</>}. Nothing is saved, and your text is as you left it.
      </p>
      <ul class="differences">
        {regions.map((region, i) =>
          region.kind === 'same' ? null : (
            <li key={i} class="difference" data-kind={region.kind}>
              <h3>{kinds[region.kind]}</h3>
              <div class="three">
                <Side title="Before" lines={region.before} />
                <Side title="Mine" lines={region.mine} />
                <Side title="Theirs" lines={region.theirs} />
              </div>
              {region.kind === 'conflict' && (
                <fieldset class="actions">
                  <legend class="visually-hidden">Take of this change</legend>
                  {choices.map(([choice, label]) => (
                    <label key={choice} class="check">
                      <input
                        type="radio"
                        name={`choice-${i}`}
                        checked={chosen.get(i) === choice}
                        onChange={() => setChosen(new Map(chosen).set(i, choice))}
                      />
                      {label}
                    </label>
                  ))}
                </fieldset>
              )}
            </li>
          ),
        )}
      </ul>
      <div class="actions">
        <button
          type="button"
          class="primary"
          disabled={merged === undefined}
          title={merged === undefined ? 'Choose for each conflict first' : undefined}
          onClick={() => merged !== undefined && onMerged(merged)}
        >
          Go on with both changes
        </button>
      </div>
    </Block>
  )
}

function Side({ title, lines }: { title: string; lines: readonly string[] }) {
  return (
    <div>
      <p class="faint">{title}</p>
      <pre class="card">{lines.length > 0 ? lines.join('\n') : 'nothing'}</pre>
    </div>
  )
}
