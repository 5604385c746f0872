import type { Static } from 'typebox'
import type { PolicyPreview as PreviewSchema } from '../../../api/routes/policies/schemas.ts'
import { send } from '../../api/client.ts'
import { Link } from '../../parts/link.tsx'
import { DataTable } from '../../parts/lists/data-table.tsx'
import { Block } from '../../parts/page.tsx'
import { Verdict } from '../../parts/results/verdict.tsx'
import { uri } from '../../url/parameters.ts'
import { vantageText } from '../findings/current-finding.ts'

export type Preview = Static<typeof PreviewSchema>
type Change = Preview['changes'][number]
type Item = Preview['items'][number]

const shownItems = 200

/** Judges a draft on the newest stored facts of all targets; nothing is probed. */
export const rehearse = (text: string): Promise<Preview> =>
  send<Preview>('POST', '/v1/policies/preview', { document: text, targets: { labels: {} }, limit: shownItems })

const Outcome = ({ result, none }: { result: Change['before']; none: string }) =>
  result === null ? <span class="faint">{none}</span> : <Verdict result={result} />

/** What a draft would change: how many findings from which result to which, and where. */
export function Rehearsal({ preview: { changes, items } }: { preview: Preview }) {
  const total = changes.reduce((sum, { count }) => sum + count, 0)
  if (total === 0)
    return (
      <Block title="What it would change" note="Judged on stored facts; nothing was probed">
        <p role="status">No finding would change.</p>
      </Block>
    )
  return (
    <Block title="What it would change" note="Judged on stored facts; nothing was probed">
      <p role="status">
        {total.toLocaleString('en')} {total === 1 ? 'finding' : 'findings'} would change.
      </p>
      <DataTable<Change>
        caption="By result"
        rows={changes}
        rowKey={({ before, after }) => `${before} ${after}`}
        columns={[
          { head: 'Now', cell: ({ before }) => <Outcome result={before} none="none yet" /> },
          { head: 'With the draft', cell: ({ after }) => <Outcome result={after} none="no such rule" /> },
          { head: 'Findings', isNumber: true, cell: ({ count }) => count.toLocaleString('en') },
        ]}
      />
      <DataTable<Item>
        caption={total > items.length ? `The first ${items.length}` : 'Findings'}
        rows={items}
        rowKey={({ target, rule, vantage }) => `${target} ${rule} ${vantage}`}
        columns={[
          { head: 'Target', cell: ({ target }) => <Link to={uri`/targets/${target}`}>{target}</Link> },
          { head: 'Rule', cell: ({ rule }) => <code>{rule}</code> },
          { head: 'From', cell: ({ vantage }) => vantageText({ vantage }) },
          { head: 'Now', cell: ({ before }) => <Outcome result={before} none="none yet" /> },
          {
            head: 'With the draft',
            cell: ({ after }) => (
              <>
                <Outcome result={after?.result ?? null} none="no such rule" /> {after && <code>{after.reason}</code>}
              </>
            ),
          },
        ]}
      />
    </Block>
  )
}
