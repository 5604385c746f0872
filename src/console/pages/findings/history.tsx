import { DataTable } from '../../parts/lists/data-table.tsx'
import { useEnd } from '../../parts/now.ts'
import { Block } from '../../parts/page.tsx'
import { shownResult } from '../../parts/results/results.ts'
import { SpanBar } from '../../parts/results/span-bar.tsx'
import { State, Verdict } from '../../parts/results/verdict.tsx'
import { formatDuration, Time } from '../../parts/time.tsx'
import type { Detail } from './current-finding.ts'
import { factName, factText } from './seen.ts'

type Span = Detail['spans'][number]

const shownChanges = 8

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
          { head: 'What changed', cell: ({ changes }) => <Changes changes={changes} /> },
        ]}
      />
    </Block>
  )
}

/** The fields that differ from the state before; result, state and reason have columns of their own. */
function Changes({ changes }: { changes: Span['changes'] }) {
  const shown = changes.filter(({ path }) => path.startsWith('/evidence'))
  const fields = [...Map.groupBy(shown, ({ path }) => fieldName(path))]
  if (fields.length === 0) return null
  return (
    <ul>
      {fields.slice(0, shownChanges).map(([name, parts]) => (
        <li key={name}>
          {name}: <Change parts={parts} />
        </li>
      ))}
      {fields.length > shownChanges && <li class="faint">and {fields.length - shownChanges} more fields</li>}
    </ul>
  )
}

function Change({ parts }: { parts: Span['changes'] }) {
  const [first] = parts
  if (parts.length > 1 || !first) return <>{parts.length} entries</>
  const text = (value: unknown) => (value === null ? 'none' : factText(value))
  return (
    <>
      {text(first.before)} <span aria-hidden="true">→</span>
      <span class="visually-hidden">to</span> {text(first.after)}
    </>
  )
}

/** "10.20.0.11 state" of a JSON Pointer into the evidence; without the index in a list. */
function fieldName(pointer: string): string {
  const parts = pointer.split('/').map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  const [, , group = '', address = '', ...path] = parts.filter((part, index) => index < 4 || !/^\d+$/.test(part))
  if (group !== 'addresses') return factName([group, address, ...path].filter(Boolean).join('.'))
  const name = factName(path.filter((part) => part !== 'facts').join('.'))
  return name ? `${address}: ${name}` : address
}
