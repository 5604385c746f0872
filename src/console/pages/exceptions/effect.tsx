import { Link } from '../../parts/link.tsx'
import { shownResult } from '../../parts/results/results.ts'
import { Score } from '../../parts/results/score.tsx'
import { Verdict } from '../../parts/results/verdict.tsx'
import { uri } from '../../url/parameters.ts'
import { vantageText } from '../findings/current-finding.ts'
import { count, countsSentence } from './sentence.ts'
import type { Effect, Kind } from './types.ts'
import './exceptions.css'

const shownItems = 10

/** What changes: counts and score without and with it, the findings, the targets. */
export function EffectDetails({ kind, effect }: { kind: Kind; effect: Effect }) {
  const { before, after, findings, targets } = effect
  return (
    <div class="effect">
      <p>{countsSentence(kind, effect)}</p>
      <dl class="effect-scores">
        <div>
          <dt>Policy without it</dt>
          <dd>
            <Score {...before} />
          </dd>
        </div>
        <div>
          <dt>Policy with it</dt>
          <dd>
            <Score {...after} />
          </dd>
        </div>
      </dl>
      {kind === 'waiver' && findings.changed > 0 && (
        <p class="faint">The score stays: a waived failure has not passed.</p>
      )}
      <details class="more">
        <summary>
          {count(targets.count, 'target')}, {count(findings.changed, 'changed finding')}
        </summary>
        {findings.items.length > 0 ? (
          <ul class="changes">
            {findings.items.slice(0, shownItems).map((item) => (
              <li key={item.fingerprint} class="finding-row">
                <Verdict result={shownResult(item.before.result, item.before.waived)} />
                <span>
                  <span aria-hidden="true">→</span>
                  <span class="visually-hidden">becomes</span>
                </span>
                <Verdict result={shownResult(item.after.result, item.after.waived)} />
                <Link to={uri`/findings/${item.fingerprint}`}>
                  {item.rule} on {item.target}
                </Link>
                <span class="faint">from {vantageText({ vantage: item.vantage })}</span>
              </li>
            ))}
          </ul>
        ) : (
          <p>{targets.names.slice(0, shownItems).join(', ') || 'No target is there now.'}</p>
        )}
        {findings.changed > shownItems && <p class="faint">and {count(findings.changed - shownItems, 'other')}</p>}
      </details>
    </div>
  )
}
