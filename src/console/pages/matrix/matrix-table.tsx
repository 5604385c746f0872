import { Link } from '../../parts/link.tsx'
import { DataTable } from '../../parts/lists/data-table.tsx'
import { Verdict } from '../../parts/results/verdict.tsx'
import { uri } from '../../url/parameters.ts'
import { cellAt, kindAt } from './cells.ts'
import { columnsOf, disagrees, type Mode, saidOf, titleOf } from './modes.ts'
import { shownBy } from './painter.ts'
import type { Matrix } from './report.ts'
import { TileSign } from './tile.tsx'

/** The matrix as a table of words. */
export function MatrixTable({ matrix, mode }: { matrix: Matrix; mode: Mode }) {
  const { rows, ages } = matrix
  const agesOf = new Map(rows.map(([target], index) => [target, ages?.[index]]))
  return (
    <div class="matrix-table">
      <DataTable<Matrix['rows'][number]>
        caption="Targets by rules and vantages"
        rows={rows}
        rowKey={([target]) => target}
        columns={[
          { head: 'Target', cell: ([target]) => <Link to={uri`/targets/${target}`}>{target}</Link> },
          ...columnsOf(mode, matrix).map((column) => ({
            head: titleOf(column),
            cell: ([target, cells]: Matrix['rows'][number]) => (
              <>
                {column.sources.map((source) => {
                  const cell = cellAt(cells, source.index)
                  const one = { ...column, sources: [source] }
                  const text = saidOf(mode, one, cells, agesOf.get(target))
                  return (
                    cell && (
                      <div key={source.index}>
                        <Verdict
                          result={cell.result}
                          text={column.sources.length > 1 ? `${source.from}: ${text}` : text}
                        />
                      </div>
                    )
                  )
                })}
                {disagrees(cells, column) && <strong>The vantages disagree.</strong>}
              </>
            ),
          })),
        ]}
      />
    </div>
  )
}

/** More rows are in the table, page by page. */
const mostOnPaper = 500

/** The matrix on paper: signs as in the legend, heads on each page. */
export function PaperMatrix({ matrix, mode }: { matrix: Matrix; mode: Mode }) {
  const { rows, ages } = matrix
  const columns = columnsOf(mode, matrix)
  const more = rows.length - mostOnPaper
  return (
    <div class="paper-matrix">
      <table>
        <thead>
          <tr>
            <th scope="col">Target</th>
            {columns.map((column) => (
              <th key={titleOf(column)} scope="col">
                <span>{titleOf(column)}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, mostOnPaper).map(([target, cells], row) => (
            <tr key={target}>
              <th scope="row">{target}</th>
              {columns.map((column) => (
                <td key={titleOf(column)} data-disagree={disagrees(cells, column)}>
                  {column.sources.map(({ index }) => (
                    <TileSign
                      key={index}
                      mode={mode}
                      kind={kindAt(shownBy(mode), { cells, ages: ages?.[row] }, index)}
                    />
                  ))}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {more > 0 && <p>And {more.toLocaleString('en')} more targets: the table of this page has them.</p>}
    </div>
  )
}
