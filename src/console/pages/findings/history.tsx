import { DataTable } from '../../parts/lists/data-table.tsx'
import { useEnd } from '../../parts/now.ts'
import { Block } from '../../parts/page.tsx'
import { shownResult } from '../../parts/results/results.ts'
import { SpanBar } from '../../parts/results/span-bar.tsx'
import { State, Verdict } from '../../parts/results/verdict.tsx'
import { formatDuration, Time } from '../../parts/time.tsx'
import type { Detail } from './current-finding.ts'
import { FieldChanges } from './field-changes.tsx'

type Span = Detail['spans'][number]

/** What was true over time, newest first, and what changed. */
export function History({ detail: { spans } }: { detail: Detail }) {
  const now = useEnd()
  const oldest = spans.at(-1)
  if (!oldest) return null
  return (
    <Block
      title="History"
      note={
        <>
          since <Time value={oldest.from} />, {spans.length} {spans.length === 1 ? 'state' : 'states'}
        </>
      }
    >
      <SpanBar
        label="Results over time"
        from={oldest.from}
        to={now.toISOString()}
        spans={spans.toReversed().map(({ result, from, to }) => ({ result: shownResult(result), from, to }))}
      />
      <p class="axis" aria-hidden="true">
        <Time value={oldest.from} />
        <Time value={now.toISOString()} />
      </p>
      <DataTable<Span>
        caption="States, newest first"
        rows={spans}
        rowKey={({ from }) => from}
        columns={[
          { head: 'Result', cell: ({ result }) => <Verdict result={shownResult(result)} /> },
          { head: 'State', cell: ({ state }) => <State state={state} /> },
          { head: 'From', cell: ({ from }) => <Time value={from} /> },
          { head: 'To', cell: ({ to }) => (to ? <Time value={to} /> : 'still so') },
          {
            head: 'For',
            cell: ({ from, to }) => formatDuration((to ? Date.parse(to) : now.getTime()) - Date.parse(from)),
          },
          { head: 'Why', cell: ({ reason }) => reason.message },
          { head: 'What changed', cell: ({ changes }) => <FieldChanges changes={changes} /> },
        ]}
      />
    </Block>
  )
}
