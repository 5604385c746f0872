import type { Static } from 'typebox'
import type { DriftItem } from '../../../api/routes/reports/schemas/drift.ts'
import { Link } from '../../parts/link.tsx'
import type { Column } from '../../parts/lists/data-table.tsx'
import { shownResult } from '../../parts/results/results.ts'
import { State, Verdict } from '../../parts/results/verdict.tsx'
import { Time } from '../../parts/time.tsx'
import { uri } from '../../url/parameters.ts'
import { vantageText } from '../findings/current-finding.ts'
import { FieldChanges } from '../findings/field-changes.tsx'
import { classNames } from './nights.ts'

export type Item = Static<typeof DriftItem>

const causeTexts: Readonly<Record<Item['cause'], string>> = {
  environment: 'hosts or network',
  policy: 'another policy version',
  scope: 'other targets or vantages',
}

/** The columns of changes: before stands left of after. */
export const driftColumns: readonly Column<Item>[] = [
  {
    head: 'Change',
    name: 'change',
    cell: ({ class: kind, significance }) => (
      <>
        {significance === 'info' ? classNames[kind] : <strong>{classNames[kind]}</strong>}
        <div class="faint">{significance}</div>
      </>
    ),
  },
  { head: 'Target', name: 'target', cell: ({ target }) => <Link to={uri`/targets/${target}`}>{target}</Link> },
  {
    head: 'Rule',
    cell: ({ fingerprint, rule, vantage }) => (
      <>
        <Link to={uri`/findings/${fingerprint}`}>{rule}</Link>
        <div class="faint">from {vantageText({ vantage })}</div>
      </>
    ),
  },
  { head: 'Before', cell: ({ before }) => <Outcome outcome={before} /> },
  { head: 'After', cell: ({ after }) => <Outcome outcome={after} /> },
  {
    head: 'What changed',
    cell: ({ changes, flapping }) => (
      <>
        <FieldChanges changes={changes} />
        {flapping && (
          <div class="faint">
            flaps: {flapping.changes} changes in {flapping.observations} observations
          </div>
        )}
      </>
    ),
  },
  {
    head: 'When, and why',
    cell: ({ at, cause }) => (
      <>
        <Time value={at} />
        <div class="faint">{causeTexts[cause]}</div>
      </>
    ),
  },
]

function Outcome({ outcome }: { outcome: Item['before'] }) {
  if (!outcome) return <span class="state">not in scope</span>
  return (
    <>
      <Verdict result={shownResult(outcome.result)} /> <State state={outcome.state} />
      <div class="faint">{outcome.reason.message}</div>
    </>
  )
}
