import { EmptyState } from '../../parts/empty-state.tsx'
import { Link } from '../../parts/link.tsx'
import { Block } from '../../parts/page.tsx'
import { resultNames } from '../../parts/results/results.ts'
import { Verdict } from '../../parts/results/verdict.tsx'
import { Time } from '../../parts/time.tsx'
import { uri } from '../../url/parameters.ts'
import { vantageText } from '../findings/current-finding.ts'
import type { Drift } from './reports.ts'

type Item = Drift['items'][number]

const shownItems = 8
const weight = { alert: 0, notice: 1, info: 2 }

/** What changed in the last 24 hours, alerts first. */
export function Changes({ drift: { items, from, summary } }: { drift: Drift }) {
  const total = Object.values(summary).reduce((sum, count) => sum + count, 0)
  const shown = items.toSorted((a, b) => weight[a.significance] - weight[b.significance]).slice(0, shownItems)
  return (
    <Block
      title="Changed in 24 hours"
      note={
        <>
          since <Time value={from} />
        </>
      }
    >
      {total === 0 ? (
        <EmptyState title="Nothing changed." />
      ) : (
        <div class="card">
          <ul class="changes">
            {shown.map((item) => (
              <Change key={item.fingerprint} item={item} />
            ))}
          </ul>
          {total > shown.length && (
            <p class="faint">
              {shown.length} of {total.toLocaleString('en')} changes: <Link to="/drift">show all</Link>
            </p>
          )}
        </div>
      )}
    </Block>
  )
}

function Change({ item: { fingerprint, target, rule, vantage, before, after, at } }: { item: Item }) {
  return (
    <li class="finding-row">
      {after ? <Verdict result={after.result} /> : <span class="state">No longer checked</span>}
      <Link to={uri`/findings/${fingerprint}`}>
        {target} · {rule}
      </Link>
      <span class="faint">
        from {vantageText({ vantage })}, {before ? `${resultNames[before.result].toLowerCase()} before` : 'new'},{' '}
        <Time value={at} />
      </span>
    </li>
  )
}
