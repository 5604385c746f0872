import { failuresIn, type Kind, kindAt, type Position } from './cells.ts'
import { disagrees, type Mode, type ShownColumn, tiles } from './modes.ts'

/** Sizes in CSS pixels. */
export const size = { row: 24, head: 176, total: 44 }
export const nameWidth = (width: number): number => (width < 640 ? 112 : 208)
/** Vantages side by side need room for the sign of each. */
export const cellWidth = (columns: readonly ShownColumn[]): number =>
  Math.min(80, Math.max(28, 18 * Math.max(...columns.map(({ sources }) => sources.length))))

export interface Drawn {
  mode: Mode
  columns: readonly ShownColumn[]
  rows: readonly (readonly [target: string, cells: string])[]
  ages: readonly string[] | undefined
  active: Position | undefined
}

interface Colours {
  text: string
  faint: string
  line: string
  surface: string
  accent: string
  font: string
}

/** The letter of a cell that a mode shows. */
export const shownBy = (mode: Mode): 'result' | 'state' | 'age' => (mode === 'parallax' ? 'result' : mode)

/** Draws what of the matrix is in sight: a sprite for each kind of cell, so that a frame is a few hundred copies. */
export function createPainter(canvas: HTMLCanvasElement, legend: HTMLElement, mode: Mode) {
  const context = canvas.getContext('2d')
  if (!context) throw new Error('the browser has no canvas')
  const ratio = devicePixelRatio || 1
  const colours = coloursOf(canvas)
  const sprites = new Map<string, HTMLCanvasElement>()
  const signs = new Map(tiles[mode].map(({ kind, sign }) => [kind, sign]))
  const spriteFor = (kind: Kind, width: number) => {
    const key = `${kind} ${width}`
    const sprite = sprites.get(key) ?? spriteOf({ kind, sign: signs.get(kind) ?? '', width }, legend, ratio)
    sprites.set(key, sprite)
    return sprite
  }

  return function paint({ columns, rows, ages, active }: Drawn, view: HTMLElement): void {
    const { clientWidth: width, clientHeight: height, scrollLeft, scrollTop } = view
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio)
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio)
    const names = nameWidth(width)
    const cell = cellWidth(columns)
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    context.fillStyle = colours.surface
    context.fillRect(0, 0, width, height)
    context.font = colours.font
    context.textBaseline = 'middle'
    const firstRow = Math.floor(scrollTop / size.row)
    const lastRow = Math.min(rows.length - 1, Math.floor((scrollTop + height - size.head) / size.row))
    const firstColumn = Math.floor(scrollLeft / cell)
    const lastColumn = Math.min(columns.length - 1, Math.floor((scrollLeft + width - names) / cell))
    const x = (column: number) => names + column * cell - scrollLeft
    const y = (row: number) => size.head + row * size.row - scrollTop

    for (let row = firstRow; row <= lastRow; row++) {
      const cells = rows[row]?.[1] ?? ''
      const shown = { cells, ages: ages?.[row] }
      for (let at = firstColumn; at <= lastColumn; at++) {
        const column = columns[at]
        if (!column) continue
        const part = cell / column.sources.length
        for (const [position, { index }] of column.sources.entries()) {
          const kind = kindAt(shownBy(mode), shown, index)
          if (kind) context.drawImage(spriteFor(kind, part), x(at) + position * part, y(row), part, size.row)
        }
        if (disagrees(cells, column)) frame({ left: x(at), top: y(row), width: cell, colour: colours.text, line: 2 })
      }
      const failures = failuresIn(cells)
      if (failures > 0) {
        context.fillStyle = colours.text
        context.textAlign = 'right'
        context.fillText(String(failures), x(columns.length) + size.total - 8, y(row) + size.row / 2)
      }
    }
    const framed = { colour: colours.accent, line: 3 }
    if (active && active.column >= 0) frame({ left: x(active.column), top: y(active.row), width: cell, ...framed })

    // The names and the heads cover what scrolls below them.
    context.fillStyle = colours.surface
    context.fillRect(0, size.head, names, height)
    context.textAlign = 'left'
    for (let row = firstRow; row <= lastRow; row++) {
      context.fillStyle = colours.text
      context.fillText(fitted(rows[row]?.[0] ?? '', names - 16), 8, y(row) + size.row / 2)
    }
    if (active && active.column < 0) frame({ left: 0, top: y(active.row), width: names, ...framed })
    context.fillStyle = colours.surface
    context.fillRect(0, 0, width, size.head)
    for (let column = firstColumn; column <= lastColumn; column++) head(x(column) + cell / 2, columns[column])
    context.fillStyle = colours.surface
    context.fillRect(0, 0, names, size.head)
    context.fillStyle = colours.faint
    context.textAlign = 'left'
    context.fillText('Target', 8, size.head - 14)
    if (x(columns.length) + size.total <= width + 1 || columns.length * cell + names < width) {
      context.textAlign = 'right'
      context.fillText('fails', x(columns.length) + size.total - 8, size.head - 14)
    }
    context.fillStyle = colours.line
    context.fillRect(0, size.head - 1, width, 1)
    context.fillRect(names - 1, 0, 1, height)
  }

  function frame(box: { left: number; top: number; width: number; colour: string; line: number }): void {
    if (!context) return
    context.strokeStyle = box.colour
    context.lineWidth = box.line
    context.strokeRect(box.left + box.line / 2, box.top + box.line / 2, box.width - box.line, size.row - box.line)
  }

  /** Rule and vantage of a column from bottom to top, its failures below. */
  function head(middle: number, column: ShownColumn | undefined): void {
    if (!context || !column) return
    context.save()
    context.translate(middle, size.head - 26)
    context.rotate(-Math.PI / 2)
    context.textAlign = 'left'
    context.fillStyle = colours.text
    context.fillText(fitted(column.rule, size.head - 34), 0, -6)
    context.fillStyle = colours.faint
    context.fillText(fitted(column.from, size.head - 34), 0, 8)
    context.restore()
    context.textAlign = 'center'
    context.fillStyle = column.failures > 0 ? colours.text : colours.faint
    context.fillText(column.failures > 999 ? '1k+' : String(column.failures), middle, size.head - 14)
  }

  /** A text that is cut where it does not fit. */
  function fitted(text: string, width: number): string {
    const visible = text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '')
    if (!context || context.measureText(visible).width <= width) return visible
    let end = visible.length
    while (end > 1 && context.measureText(`${visible.slice(0, end)}…`).width > width) end--
    return `${visible.slice(0, end)}…`
  }
}

/** The colours of tokens that the canvas inherits. */
function coloursOf(canvas: HTMLCanvasElement): Colours {
  const style = getComputedStyle(canvas)
  return {
    text: style.color,
    faint: style.outlineColor,
    line: style.borderBlockEndColor,
    surface: style.backgroundColor,
    accent: style.caretColor,
    font: `${style.fontSize} ${style.fontFamily}`,
  }
}

/** The colours of the tile of a kind in the legend. */
export function tileColours(kind: Kind, legend: HTMLElement) {
  const tile = legend.querySelector(`.tile[data-kind="${kind}"]`)
  if (!tile) return undefined
  const { color, backgroundColor, borderBlockEndColor, borderBlockEndStyle } = getComputedStyle(tile)
  return {
    sign: color,
    ground: backgroundColor,
    hatch: borderBlockEndStyle === 'dashed' ? borderBlockEndColor : undefined,
  }
}

/** A cell of a kind, with the colours of its tile in the legend: its ground, its hatching and its sign. */
function spriteOf(
  { kind, sign, width }: { kind: Kind; sign: string; width: number },
  legend: HTMLElement,
  ratio: number,
): HTMLCanvasElement {
  const sprite = document.createElement('canvas')
  sprite.width = width * ratio
  sprite.height = size.row * ratio
  const context = sprite.getContext('2d')
  const colours = tileColours(kind, legend)
  if (!context || !colours) return sprite
  context.scale(ratio, ratio)
  context.beginPath()
  context.rect(1, 1, width - 2, size.row - 2)
  context.clip()
  context.fillStyle = colours.ground
  context.fillRect(0, 0, width, size.row)
  if (colours.hatch) {
    context.strokeStyle = colours.hatch
    context.lineWidth = 1.5
    for (let at = -size.row; at < width; at += 6) {
      context.beginPath()
      context.moveTo(at, size.row)
      context.lineTo(at + size.row, 0)
      context.stroke()
    }
  }
  const side = Math.min(14, width - 3)
  context.translate((width - side) / 2, (size.row - side) / 2)
  context.scale(side / 16, side / 16)
  context.lineCap = 'round'
  context.lineJoin = 'round'
  const path = new Path2D(sign)
  context.strokeStyle = colours.ground
  context.lineWidth = 5
  context.stroke(path)
  context.strokeStyle = colours.sign
  context.lineWidth = 2
  context.stroke(path)
  return sprite
}
