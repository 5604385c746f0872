import { Link } from '../../parts/link.tsx'
import { DataTable } from '../../parts/lists/data-table.tsx'
import { Verdict } from '../../parts/results/verdict.tsx'
import { uri } from '../../url/parameters.ts'
import { cellAt } from './cells.ts'
import { cellText, columnTitle, type Matrix } from './report.ts'

/** The matrix as a table of words. */
export function MatrixTable({ matrix: { columns, rows } }: { matrix: Matrix }) {
  return (
    <div class="matrix-table">
      <DataTable<Matrix['rows'][number]>
        caption="Targets by rules and vantages"
        rows={rows}
        rowKey={([target]) => target}
        columns={[
          { head: 'Target', cell: ([target]) => <Link to={uri`/targets/${target}`}>{target}</Link> },
          ...columns.map((column, index) => ({
            head: columnTitle(column),
            cell: ([, cells]: Matrix['rows'][number]) => {
              const cell = cellAt(cells, index)
              return cell && <Verdict result={cell.result} text={cellText(cell)} />
            },
          })),
        ]}
      />
    </div>
  )
}
