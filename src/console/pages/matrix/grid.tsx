import { useEffect, useId, useMemo, useRef, useState } from 'preact/hooks'
import { get } from '../../api/client.ts'
import { Link } from '../../parts/link.tsx'
import { useIsPrinted } from '../../parts/printing.ts'
import { theme } from '../../shell/theme.ts'
import { at, href, navigate } from '../../url/location.ts'
import { apiPath, type Parameters, uri } from '../../url/parameters.ts'
import { moveBy, type Position } from './cells.ts'
import { PaperMatrix } from './matrix-table.tsx'
import { createMinimap } from './minimap.ts'
import { columnsOf, type Mode, type ShownColumn, saidOf, tiles, titleOf } from './modes.ts'
import { cellWidth, createPainter, type Drawn, nameWidth, size } from './painter.ts'
import type { Matrix } from './report.ts'
import { TileSign } from './tile.tsx'

/** Room for the bar that scrolls sideways, in CSS pixels. */
const scrollBar = 20
/** So many rows are in sight together. */
const rowsWithoutMap = 20

/** The matrix on a canvas, with a grid of the active row for keyboards and screen readers. */
export function Grid({ matrix, mode }: { matrix: Matrix; mode: Mode }) {
  const { rows, ages } = matrix
  const columns = useMemo(() => columnsOf(mode, matrix), [mode, matrix])
  const map = useRef<HTMLCanvasElement>(null)
  const isPrinted = useIsPrinted()
  const view = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const legend = useRef<HTMLUListElement>(null)
  const sizer = useRef<HTMLDivElement>(null)
  const twin = useRef<HTMLTableElement>(null)
  const id = useId()
  const [active, setActive] = useState<Position>({ row: 0, column: 0 })
  const [isFocused, setFocused] = useState(false)
  const drawn = useRef<Drawn>({ mode, columns, rows, ages, active })
  const repaint = useRef(() => {})
  drawn.current = { mode, columns, rows, ages, active }

  const scheme = theme.value
  useEffect(() => {
    const [scroll, element, legendTiles] = [view.current, canvas.current, legend.current]
    if (!scroll || !element || !legendTiles) return
    let paint = createPainter(element, legendTiles, mode)
    let small: ReturnType<typeof createMinimap> | undefined
    let frame = 0
    repaint.current = () => {
      cancelAnimationFrame(frame)
      frame = requestAnimationFrame(() => {
        paint(drawn.current, scroll)
        if (map.current && map.current.clientHeight > 0)
          small ??= createMinimap(map.current, legendTiles, drawn.current)
        small?.(scroll)
      })
    }
    const renew = () => {
      paint = createPainter(element, legendTiles, mode)
      small = undefined
      repaint.current()
    }
    const schemes = ['(prefers-color-scheme: dark)', '(forced-colors: active)'].map((query) => matchMedia(query))
    const resized = new ResizeObserver(renew)
    for (const one of schemes) one.addEventListener('change', renew)
    scroll.addEventListener('scroll', repaint.current)
    resized.observe(scroll)
    return () => {
      cancelAnimationFrame(frame)
      for (const one of schemes) one.removeEventListener('change', renew)
      scroll.removeEventListener('scroll', repaint.current)
      resized.disconnect()
    }
  }, [scheme, mode, matrix])
  useEffect(() => {
    // Sizes are set by script: the content security policy allows no style attributes.
    const box = sizer.current?.style
    if (box && view.current) {
      view.current.style.blockSize = `${size.head + rows.length * size.row + scrollBar}px`
      box.blockSize = `${size.head + rows.length * size.row}px`
      box.inlineSize = `${nameWidth(view.current.clientWidth) + columns.length * cellWidth(columns) + size.total}px`
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
    reveal(scroll, moved, cellWidth(columns))
  }
  const positionOf = ({ clientX, clientY }: MouseEvent): Position | undefined => {
    const box = view.current?.getBoundingClientRect()
    if (!view.current || !box) return undefined
    const [left, top] = [clientX - box.left, clientY - box.top]
    const names = nameWidth(view.current.clientWidth)
    const row = top < size.head ? -1 : Math.floor((top - size.head + view.current.scrollTop) / size.row)
    const column = left < names ? -1 : Math.floor((left - names + view.current.scrollLeft) / cellWidth(columns))
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
  const scrollTo = ({ currentTarget, clientY, buttons }: PointerEvent) => {
    const box = currentTarget instanceof Element ? currentTarget.getBoundingClientRect() : undefined
    if (!box || !view.current || buttons === 0) return
    const middle = ((clientY - box.top) / box.height) * rows.length * size.row
    view.current.scrollTop = middle - (view.current.clientHeight - size.head) / 2
  }
  const [target = '', cells = ''] = rows[active.row] ?? []
  const said = (column: ShownColumn) => saidOf(mode, column, cells, ages?.[active.row])
  return (
    <>
      {isPrinted && <PaperMatrix matrix={matrix} mode={mode} />}
      <div class="matrix-frame">
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
                    <th key={titleOf(column)} scope="col">
                      {titleOf(column)}
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
                    <td key={titleOf(column)} id={`${id}${index}`}>
                      {`${titleOf(column)}: ${said(column)}`}
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
        {rows.length > rowsWithoutMap && (
          <canvas
            ref={map}
            class="matrix-map"
            onPointerDown={(event) => {
              event.currentTarget.setPointerCapture(event.pointerId)
              scrollTo(event)
            }}
            onPointerMove={scrollTo}
          />
        )}
      </div>
      <Described target={target} column={columns[active.column]} said={said} />
      <ul class="legend" ref={legend} aria-label="Legend">
        {tiles[mode].map(({ kind, text }) => (
          <li key={kind}>
            <TileSign mode={mode} kind={kind} />
            {text}
          </li>
        ))}
        {mode === 'parallax' && <li>Framed: from one vantage it passes, from another it fails</li>}
        <li class="faint">The number below a rule counts its failures. Arrow keys move, Enter opens.</li>
      </ul>
    </>
  )
}

/** The active cell in words, for everyone who does not know the signs by heart. */
function Described({
  target,
  column,
  said,
}: {
  target: string
  column: ShownColumn | undefined
  said: (column: ShownColumn) => string
}) {
  return (
    <p class="matrix-active">
      <Link to={uri`/targets/${target}`}>{target}</Link>
      {column && (
        <>
          {' · '}
          <Link to="/findings" query={{ ...cellFilter(target, column), show: 'all' }}>
            {titleOf(column)}
          </Link>
          : <strong>{said(column)}</strong>
        </>
      )}
    </p>
  )
}

const cellFilter = (target: string, { policy, rule, vantage }: ShownColumn): Parameters => ({
  target,
  policy,
  rule,
  vantage,
})

/** Scrolls so that a cell is in sight, beside names and heads. */
function reveal(view: HTMLElement, { row, column }: Position, cell: number): void {
  const top = row * size.row
  const left = Math.max(0, column) * cell
  const height = view.clientHeight - size.head - size.row
  const width = view.clientWidth - nameWidth(view.clientWidth) - cell
  if (top < view.scrollTop) view.scrollTop = top
  else if (top > view.scrollTop + height) view.scrollTop = top - height
  if (left < view.scrollLeft) view.scrollLeft = left
  else if (left > view.scrollLeft + width) view.scrollLeft = left - width
}

/** Opens what a cell is about: its finding; the target of a name; the findings of a head. */
async function openCell(
  { row, column }: Position,
  rows: Matrix['rows'],
  columns: readonly ShownColumn[],
): Promise<void> {
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
  if (about.vantage === undefined) return navigate(href('/findings', { ...filter, show: 'all' }))
  const found = await get<{ items: { fingerprint: string }[] }>(
    apiPath('/v1/findings', { ...filter, at: at.value, limit: 1 }),
  ).catch(() => undefined) // the list of findings, which follows, shows what is wrong
  const fingerprint = found?.items[0]?.fingerprint
  navigate(fingerprint ? href(uri`/findings/${fingerprint}`) : href('/findings', { ...filter, show: 'all' }))
}
