import type { Column } from './data-table.tsx'

/** A column of check boxes that choose rows. */
export const selectionColumn = <Row,>({
  isChosen,
  nameOf,
  onToggle,
}: {
  isChosen: (row: Row) => boolean
  /** What the check box of a row is about, in words. */
  nameOf: (row: Row) => string
  onToggle: (row: Row, isChosen: boolean) => void
}): Column<Row> => ({
  head: 'Select',
  name: 'select',
  cell: (row) => (
    <input
      type="checkbox"
      aria-label={`Select ${nameOf(row)}`}
      checked={isChosen(row)}
      onChange={({ currentTarget }) => onToggle(row, currentTarget.checked)}
    />
  ),
})
