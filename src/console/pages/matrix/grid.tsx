import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { get } from '../../api/client.ts'
import { Link } from '../../parts/link.tsx'
import { resultNames, resultOrder } from '../../parts/results/results.ts'
import { Glyph } from '../../parts/results/verdict.tsx'
import { theme } from '../../shell/theme.ts'
import { at, href, navigate } from '../../url/location.ts'
import { apiPath, type Parameters, uri } from '../../url/parameters.ts'
import { vantageText } from '../findings/current-finding.ts'
import { type Cell, cellAt, moveBy, type Position } from './cells.ts'
import { createPainter, type Drawn, nameWidth, size } from './painter.ts'
import { type Column, cellText, columnTitle, type Matrix } from './report.ts'

/** The matrix on a canvas, with a grid of the active row for keyboards and screen readers. */
export function Grid({ matrix: { columns, rows, totals } }: { matrix: Matrix }) {
  const view = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const legend = useRef<HTMLUListElement>(null)
  const sizer = useRef<HTMLDivElement>(null)
  const twin = useRef<HTMLTableElement>(null)
  const id = useId()
  const [active, setActive] = useState<Position>({ row: 0, column: 0 })
  const [isFocused, setFocused] = useState(false)
  const drawn = useRef<Drawn>({ columns: [], rows: [], active: undefined })
  const repaint = useRef(() => {})
  drawn.current = {
    columns: columns.map((column, index) => ({
      rule: column.rule,
      vantage: vantageText(column),
      failures: totals.columns[index]?.fail ?? 0,
    })),
    rows,
    active,
  }

  const scheme = theme.value
  useEffect(() => {
    const [scroll, element, tiles] = [view.current, canvas.current, legend.current]
    if (!scroll || !element || !tiles) return
    let paint = createPainter(element, tiles)
    let frame = 0
    repaint.current = () => {
      cancelAnimationFrame(frame)
      frame = requestAnimationFrame(() => paint(drawn.current, scroll))
    }
    const renew = () => {
      paint = createPainter(element, tiles)
      repaint.current()
    }
    const schemes = ['(prefers-color-scheme: dark)', '(forced-colors: active)'].map((query) => matchMedia(query))
    const resized = new ResizeObserver(() => repaint.current())
    for (const one of schemes) one.addEventListener('change', renew)
    scroll.addEventListener('scroll', repaint.current)
    resized.observe(scroll)
    return () => {
      cancelAnimationFrame(frame)
      for (const one of schemes) one.removeEventListener('change', renew)
      scroll.removeEventListener('scroll', repaint.current)
      resized.disconnect()
    }
  }, [scheme])
  useEffect(() => {
    // Sizes are set by script: the content security policy allows no style attributes.
    const box = sizer.current?.style
    if (box && view.current) {
      box.blockSize = `${size.head + rows.length * size.row}px`
      box.inlineSize = `${nameWidth(view.current.clientWidth) + columns.length * size.cell + size.total}px`
    }
    repaint.current()
  })

  const onKeyDown = (event: KeyboardEvent) => {
    const scroll = view.current
    if (!scroll) return
    if (event.key === 'Enter') void openCell(active, rows, columns)
    const page = Math.max(1, Math.floor((scroll.clientHeight - size.head) / size.row) - 1)
    const moved = moveBy(event.key, active, { rows: rows.length, columns: columns.length, page, isFar: event.ctrlKey })
    if (!moved) return
    event.preventDefault()
    setActive(moved)
    reveal(scroll, moved)
  }
  const positionOf = ({ clientX, clientY }: MouseEvent): Position | undefined => {
    const box = view.current?.getBoundingClientRect()
    if (!view.current || !box) return undefined
    const [left, top] = [clientX - box.left, clientY - box.top]
    const names = nameWidth(view.current.clientWidth)
    const row = top < size.head ? -1 : Math.floor((top - size.head + view.current.scrollTop) / size.row)
    const column = left < names ? -1 : Math.floor((left - names + view.current.scrollLeft) / size.cell)
    return row < rows.length && column < columns.length ? { row, column } : undefined
  }
  const onPointerMove = (event: PointerEvent) => {
    const position = positionOf(event)
    if (position && position.row >= 0) setActive(position)
  }
  const onClick = (event: MouseEvent) => {
    const position = positionOf(event)
    if (position) void openCell(position, rows, columns)
  }
  const [target = '', cells = ''] = rows[active.row] ?? []
  return (
    <>
      <div class="matrix" ref={view} data-focused={isFocused}>
        <div class="matrix-twin">
          <table
            ref={twin}
            // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: APG, data grids: a table with the role grid
            role="grid"
            tabIndex={0}
            aria-label="Targets by rules"
            aria-rowcount={rows.length + 1}
            aria-colcount={columns.length + 1}
            aria-activedescendant={`${id}${active.column}`}
            onFocus={() => setFocused(true)}
            onBlur={() => setFocused(false)}
            onKeyDown={onKeyDown}
          >
            <thead>
              <tr aria-rowindex={1}>
                <th scope="col">Target</th>
                {columns.map((column) => (
                  <th key={columnTitle(column)} scope="col">
                    {columnTitle(column)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              <tr aria-rowindex={active.row + 2}>
                <th scope="row" id={`${id}-1`}>
                  {target}
                </th>
                {columns.map((column, index) => (
                  <td key={columnTitle(column)} id={`${id}${index}`}>
                    {`${columnTitle(column)}: ${cellText(cellAt(cells, index))}`}
                  </td>
                ))}
              </tr>
            </tbody>
          </table>
        </div>
        <canvas ref={canvas} />
        {/* biome-ignore lint/a11y/noStaticElementInteractions: for pointers; the grid takes the keys */}
        <div ref={sizer} class="matrix-size" role="presentation" onPointerMove={onPointerMove} onClick={onClick} />
      </div>
      <Described target={target} column={columns[active.column]} cell={cellAt(cells, active.column)} />
      <ul class="legend" ref={legend} aria-label="Legend">
        {resultOrder.map((result) => (
          <li key={result}>
            <span class="tile" data-result={result}>
              <Glyph result={result} />
            </span>
            {result === 'waived' ? 'Waived, or in a window' : resultNames[result]}
          </li>
        ))}
        <li class="faint">The number below a rule counts its failures. Arrow keys move, Enter opens.</li>
      </ul>
    </>
  )
}

/** The active cell in words, for everyone who does not know the signs by heart. */
function Described({ target, column, cell }: { target: string; column: Column | undefined; cell: Cell | undefined }) {
  return (
    <p class="matrix-active">
      <Link to={uri`/targets/${target}`}>{target}</Link>
      {column && (
        <>
          {' · '}
          <Link to="/findings" query={{ ...cellFilter(target, column), show: 'all' }}>
            {columnTitle(column)}
          </Link>
          : <strong>{cellText(cell)}</strong>
        </>
      )}
    </p>
  )
}

const cellFilter = (target: string, { policy, rule, vantage }: Column): Parameters => ({
  target,
  policy,
  rule,
  vantage,
})

/** Scrolls so that a cell is in sight, beside names and heads. */
function reveal(view: HTMLElement, { row, column }: Position): void {
  const top = row * size.row
  const left = Math.max(0, column) * size.cell
  const height = view.clientHeight - size.head - size.row
  const width = view.clientWidth - nameWidth(view.clientWidth) - size.cell
  if (top < view.scrollTop) view.scrollTop = top
  else if (top > view.scrollTop + height) view.scrollTop = top - height
  if (left < view.scrollLeft) view.scrollLeft = left
  else if (left > view.scrollLeft + width) view.scrollLeft = left - width
}

/** Opens what a cell is about: its finding; the target of a name; the findings of a head. */
async function openCell({ row, column }: Position, rows: Matrix['rows'], columns: Matrix['columns']): Promise<void> {
  const target = rows[row]?.[0]
  const about = columns[column]
  if (!about) {
    if (target !== undefined) navigate(href(uri`/targets/${target}`))
    return
  }
  if (target === undefined) {
    const { policy, rule, vantage } = about
    navigate(href('/findings', { policy, rule, vantage, show: 'all' }))
    return
  }
  const filter = cellFilter(target, about)
  const found = await get<{ items: { fingerprint: string }[] }>(
    apiPath('/v1/findings', { ...filter, at: at.value, limit: 1 }),
  ).catch(() => undefined) // the list of findings, which follows, shows what is wrong
  const fingerprint = found?.items[0]?.fingerprint
  navigate(fingerprint ? href(uri`/findings/${fingerprint}`) : href('/findings', { ...filter, show: 'all' }))
}
