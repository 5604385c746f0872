import { Link } from '../../parts/link.tsx'
import { DataTable } from '../../parts/lists/data-table.tsx'
import { Block } from '../../parts/page.tsx'
import { Score, sumStandings } from '../../parts/results/score.tsx'
import { Time } from '../../parts/time.tsx'
import { uri } from '../../url/parameters.ts'
import type { Report } from './reports.ts'

type Item = Report['items'][number]

/** Policies by zones: the worst first, each score with its coverage, and a link to what is behind it. */
export function Compliance({ report: { items }, before }: { report: Report; before: Report | undefined }) {
  const earlier = before && new Map(mergeSeverities(before.items).map((item) => [keyOf(item), failuresOf(item)]))
  const newest = items
    .flatMap(({ newestObservation }) => newestObservation ?? [])
    .toSorted()
    .at(-1)
  return (
    <Block
      title="Compliance"
      note={
        newest && (
          <>
            last confirmed <Time value={newest} />
          </>
        )
      }
    >
      <DataTable<Item>
        caption="Score of each policy in each zone, and how much of it was checked"
        rows={mergeSeverities(items).toSorted((a, b) => (a.score ?? 2) - (b.score ?? 2))}
        rowKey={keyOf}
        columns={[
          { head: 'Policy', cell: ({ policy }) => <Link to={uri`/policies/${policy}`}>{policy}</Link> },
          { head: 'Seen from zone', cell: ({ group }) => group || 'no zone' },
          { head: 'Score', cell: (item) => <Score {...item} /> },
          {
            head: 'Failures',
            isNumber: true,
            cell: ({ policy, group, ...item }) => (
              <Link to="/findings" query={{ policy, zone: group }}>
                {failuresOf(item).toLocaleString('en')}
              </Link>
            ),
          },
          {
            head: 'In 24 hours',
            isNumber: true,
            cell: (item) => earlier && signed.format(failuresOf(item) - (earlier.get(keyOf(item)) ?? 0)),
          },
          {
            head: 'Not known',
            isNumber: true,
            cell: ({ counts, policy, group }) => (
              <Link to="/findings" query={{ policy, zone: group, show: 'unknown' }}>
                {(counts.unknown + counts.error + counts.notchecked).toLocaleString('en')}
              </Link>
            ),
          },
        ]}
      />
    </Block>
  )
}

const signed = new Intl.NumberFormat('en', { signDisplay: 'exceptZero' })
const keyOf = ({ policy, group }: Item) => `${policy}/${group}`
const failuresOf = ({ counts, waived }: Pick<Item, 'counts' | 'waived'>) => counts.fail - waived

/** One item for each policy and zone: the report has one for each severity. */
function mergeSeverities(items: readonly Item[]): Item[] {
  const groups = Map.groupBy(items, ({ policy, group }) => JSON.stringify([policy, group]))
  return [...groups.values()].flatMap((parts) =>
    parts.slice(0, 1).map((first) => ({ ...first, ...sumStandings(parts) })),
  )
}
