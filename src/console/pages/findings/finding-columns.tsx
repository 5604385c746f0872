import { Link } from '../../parts/link.tsx'
import type { Column } from '../../parts/lists/data-table.tsx'
import { shownResult } from '../../parts/results/results.ts'
import { Severity } from '../../parts/results/severity.tsx'
import { Verdict } from '../../parts/results/verdict.tsx'
import { Time } from '../../parts/time.tsx'
import { uri } from '../../url/parameters.ts'
import { statesText } from '../policies/expectation.ts'
import { type CurrentFinding, vantageText } from './current-finding.ts'
import { portText } from './port-text.ts'

/** The columns of lists of findings. */
export const findingColumns: readonly Column<CurrentFinding>[] = [
  {
    head: 'Result',
    cell: ({ result, waiver }) => <Verdict result={shownResult(result, waiver)} />,
    order: { value: 'worst', direction: 'descending' },
  },
  { head: 'Severity', cell: ({ severity }) => severity && <Severity severity={severity} /> },
  {
    head: 'Target',
    name: 'target',
    cell: ({ target }) => <Link to={uri`/targets/${target}`}>{target}</Link>,
    order: { value: 'target', direction: 'ascending' },
  },
  {
    head: 'Rule',
    name: 'rule',
    cell: ({ fingerprint, title, rule }) => (
      <>
        <Link to={uri`/findings/${fingerprint}`}>{title ?? rule}</Link>
        {title !== null && title !== rule && <div class="faint">{rule}</div>}
      </>
    ),
  },
  { head: 'Seen from', name: 'from', cell: vantageText },
  { head: 'Expected, seen', name: 'seen', cell: (finding) => <ExpectedSeen finding={finding} /> },
  {
    head: 'Since',
    cell: ({ since, lastConfirmed }) => (
      <>
        <Time value={since} />
        <div class="faint">
          confirmed <Time value={lastConfirmed} />
        </div>
      </>
    ),
    order: { value: 'newest', direction: 'descending' },
  },
]

function ExpectedSeen({ finding: { expected, state, reason } }: { finding: CurrentFinding }) {
  const allowed = expected && statesText({ ...expected.expect })
  const isAllowed = allowed?.split(/, | or /).includes(state)
  return (
    <>
      {expected && (
        <div>
          {!isAllowed && (
            <>
              {allowed} <span aria-hidden="true">→</span>
              <span class="visually-hidden">, seen: </span>{' '}
            </>
          )}
          <strong>{state}</strong> <span class="faint">{portText(expected)}</span>
        </div>
      )}
      <div class="faint why" title={reason.message}>
        {reason.message}
      </div>
    </>
  )
}
