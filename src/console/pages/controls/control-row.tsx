import { Link } from '../../parts/link.tsx'
import { DataTable } from '../../parts/lists/data-table.tsx'
import { Score } from '../../parts/results/score.tsx'
import { Severity } from '../../parts/results/severity.tsx'
import { AuditVerdict } from '../../parts/results/verdict.tsx'
import { Time } from '../../parts/time.tsx'
import { query } from '../../url/location.ts'
import { uri } from '../../url/parameters.ts'
import { type Control, nameOf, notTestedText } from './report.ts'

/** A control, which opens to its rules; `before` is its verdict at an earlier time, null if it had none. */
export function ControlRow({ control, before }: { control: Control; before: Control['verdict'] | null | undefined }) {
  const isNamed = query.value.get('control') === nameOf(control)
  const { verdict, rules } = control
  return (
    <details
      class="control card"
      open={isNamed}
      ref={(row) => {
        if (isNamed) row?.scrollIntoView({ block: 'nearest' })
      }}
    >
      <summary>
        <AuditVerdict verdict={verdict} status="completed" />
        <strong>{control.control}</strong>
        <span>{control.title ?? 'Not known to Portwarden'}</span>
        {before !== undefined && before !== verdict && <Change before={before} />}
      </summary>
      <DataTable
        caption={`Rules of ${nameOf(control)}`}
        rows={rules}
        rowKey={({ policy, rule }) => `${policy}/${rule}`}
        columns={[
          {
            head: 'Rule',
            cell: ({ policy, version, rule, title }) => (
              <Link to={uri`/policies/${policy}`} query={{ version }} hash={rule}>
                {title}
              </Link>
            ),
          },
          { head: 'Severity', cell: ({ severity }) => <Severity severity={severity} /> },
          { head: 'Score', cell: (rule) => <Score {...rule} /> },
          {
            head: 'Failures',
            isNumber: true,
            cell: ({ policy, rule, counts, waived }) => (
              <Link to="/findings" query={{ policy, rule }}>
                {(counts.fail - waived).toLocaleString('en')}
              </Link>
            ),
          },
          {
            head: 'Last confirmed',
            cell: ({ newestObservation }) => (newestObservation ? <Time value={newestObservation} /> : 'never'),
          },
        ]}
      />
      <NotTested control={control} />
    </details>
  )
}

function Change({ before }: { before: Control['verdict'] | null }) {
  return (
    <span class="control-change">
      {before === null ? (
        'new'
      ) : (
        <>
          before: <AuditVerdict verdict={before} status="completed" />
        </>
      )}
    </span>
  )
}

function NotTested({ control }: { control: Control }) {
  const texts = notTestedText(control)
  if (texts.length === 0) return null
  return (
    <>
      <p>Not proven either way, for so many targets and vantages:</p>
      <ul>
        {texts.map((text) => (
          <li key={text}>{text}</li>
        ))}
      </ul>
    </>
  )
}
