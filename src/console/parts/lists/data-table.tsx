import type { ComponentChildren, Ref } from 'preact'
import { hrefWith, query } from '../../url/location.ts'
import { Link } from '../link.tsx'

export interface Column<Row> {
  head: string
  /** Names its cells for styles: `col-NAME`. */
  name?: string
  cell: (row: Row) => ComponentChildren
  /** Numbers stand right. */
  isNumber?: boolean
  /** The value of the parameter `order` that sorts by this column, and its direction. */
  order?: { value: string; direction: 'ascending' | 'descending' }
}

/** A table of one page of rows; a column with `order` sorts, and below 640 px each row is a labelled block. */
export function DataTable<Row>({
  caption,
  columns,
  rows,
  rowKey,
  defaultOrder,
  tableRef,
}: {
  caption: string
  columns: readonly Column<Row>[]
  rows: readonly Row[]
  rowKey: (row: Row) => string
  defaultOrder?: string
  /** A table with it can be focused by script. */
  tableRef?: Ref<HTMLTableElement>
}) {
  const order = query.value.get('order') ?? defaultOrder
  return (
    <table class="table" ref={tableRef ?? null} tabIndex={tableRef ? -1 : undefined}>
      <caption>{caption}</caption>
      <thead>
        <tr>
          {columns.map((column) => (
            <th
              key={column.head}
              scope="col"
              class={classOf(column)}
              aria-sort={column.order && column.order.value === order ? column.order.direction : undefined}
            >
              {column.order ? <Link url={hrefWith({ order: column.order.value })}>{column.head}</Link> : column.head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={rowKey(row)}>
            {columns.map((column) => (
              <td key={column.head} data-label={column.head} class={classOf(column)}>
                {column.cell(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

const classOf = <Row,>({ name, isNumber }: Column<Row>): string | undefined =>
  [name && `col-${name}`, isNumber && 'number'].filter(Boolean).join(' ') || undefined
