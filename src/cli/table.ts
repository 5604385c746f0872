/** Aligns columns; the last one is not padded. `paint` may add styles, which have no width. */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  paint: (text: string, column: number, row: number) => string = (text) => text,
): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)))
  const line = (cells: readonly string[], row: number) =>
    cells
      .map((cell, i) => paint(cell, i, row) + ' '.repeat(i === cells.length - 1 ? 0 : (widths[i] ?? 0) - cell.length))
      .join('  ')
      .trimEnd()
  return [line(head, -1), ...rows.map(line)].join('\n')
}
