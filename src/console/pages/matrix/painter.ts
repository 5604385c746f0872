import { glyphs } from '../../parts/results/glyphs.ts'
import { resultOrder, type ShownResult } from '../../parts/results/results.ts'
import { cellAt, failuresIn, type Position } from './cells.ts'

/** Sizes in CSS pixels. */
export const size = { row: 24, cell: 28, head: 176, total: 44 }
export const nameWidth = (width: number): number => (width < 640 ? 112 : 208)

export interface Drawn {
  columns: readonly { rule: string; vantage: string; failures: number }[]
  rows: readonly (readonly [target: string, cells: string])[]
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

/** Draws what of the matrix is in sight: a sprite for each result, so that a frame is a few hundred copies. */
export function createPainter(canvas: HTMLCanvasElement, legend: HTMLElement) {
  const context = canvas.getContext('2d')
  if (!context) throw new Error('the browser has no canvas')
  const ratio = devicePixelRatio || 1
  const colours = coloursOf(canvas)
  const sprites = new Map(resultOrder.map((result) => [result, spriteOf(result, legend, ratio)]))

  return function paint({ columns, rows, active }: Drawn, view: HTMLElement): void {
    const { clientWidth: width, clientHeight: height, scrollLeft, scrollTop } = view
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio)
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio)
    const names = nameWidth(width)
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    context.fillStyle = colours.surface
    context.fillRect(0, 0, width, height)
    context.font = colours.font
    context.textBaseline = 'middle'
    const firstRow = Math.floor(scrollTop / size.row)
    const lastRow = Math.min(rows.length - 1, Math.floor((scrollTop + height - size.head) / size.row))
    const firstColumn = Math.floor(scrollLeft / size.cell)
    const lastColumn = Math.min(columns.length - 1, Math.floor((scrollLeft + width - names) / size.cell))
    const x = (column: number) => names + column * size.cell - scrollLeft
    const y = (row: number) => size.head + row * size.row - scrollTop

    for (let row = firstRow; row <= lastRow; row++) {
      const cells = rows[row]?.[1] ?? ''
      for (let column = firstColumn; column <= lastColumn; column++) {
        const sprite = sprites.get(cellAt(cells, column)?.result ?? 'notapplicable')
        if (sprite && cellAt(cells, column)) context.drawImage(sprite, x(column), y(row), size.cell, size.row)
      }
      const failures = failuresIn(cells)
      if (failures > 0) {
        context.fillStyle = colours.text
        context.textAlign = 'right'
        context.fillText(String(failures), x(columns.length) + size.total - 8, y(row) + size.row / 2)
      }
    }
    if (active && active.column >= 0) frame(x(active.column), y(active.row), size.cell)

    // The names and the heads cover what scrolls below them.
    context.fillStyle = colours.surface
    context.fillRect(0, size.head, names, height)
    context.textAlign = 'left'
    for (let row = firstRow; row <= lastRow; row++) {
      context.fillStyle = colours.text
      context.fillText(fitted(rows[row]?.[0] ?? '', names - 16), 8, y(row) + size.row / 2)
    }
    if (active && active.column < 0) frame(0, y(active.row), names)
    context.fillStyle = colours.surface
    context.fillRect(0, 0, width, size.head)
    for (let column = firstColumn; column <= lastColumn; column++) head(x(column), columns[column])
    context.fillStyle = colours.surface
    context.fillRect(0, 0, names, size.head)
    context.fillStyle = colours.faint
    context.textAlign = 'left'
    context.fillText('Target', 8, size.head - 14)
    if (x(columns.length) + size.total <= width + 1 || columns.length * size.cell + names < width) {
      context.textAlign = 'right'
      context.fillText('fails', x(columns.length) + size.total - 8, size.head - 14)
    }
    context.fillStyle = colours.line
    context.fillRect(0, size.head - 1, width, 1)
    context.fillRect(names - 1, 0, 1, height)
  }

  function frame(left: number, top: number, width: number): void {
    if (!context) return
    context.strokeStyle = colours.accent
    context.lineWidth = 3
    context.strokeRect(left + 1.5, top + 1.5, width - 3, size.row - 3)
  }

  /** Rule and vantage of a column from bottom to top, its failures below. */
  function head(left: number, column: Drawn['columns'][number] | undefined): void {
    if (!context || !column) return
    context.save()
    context.translate(left + size.cell / 2, size.head - 26)
    context.rotate(-Math.PI / 2)
    context.textAlign = 'left'
    context.fillStyle = colours.text
    context.fillText(fitted(column.rule, size.head - 34), 0, -6)
    context.fillStyle = colours.faint
    context.fillText(fitted(column.vantage, size.head - 34), 0, 8)
    context.restore()
    context.textAlign = 'center'
    context.fillStyle = column.failures > 0 ? colours.text : colours.faint
    context.fillText(column.failures > 999 ? '1k+' : String(column.failures), left + size.cell / 2, size.head - 14)
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

/** A cell of a result, with the colours of its tile in the legend: its ground, its hatching and its sign. */
function spriteOf(result: ShownResult, legend: HTMLElement, ratio: number): HTMLCanvasElement {
  const sprite = document.createElement('canvas')
  sprite.width = size.cell * ratio
  sprite.height = size.row * ratio
  const context = sprite.getContext('2d')
  const tile = legend.querySelector(`.tile[data-result="${result}"]`)
  if (!context || !tile) return sprite
  const { color, backgroundColor, borderBlockEndColor, borderBlockEndStyle } = getComputedStyle(tile)
  context.scale(ratio, ratio)
  context.beginPath()
  context.rect(1, 1, size.cell - 2, size.row - 2)
  context.clip()
  context.fillStyle = backgroundColor
  context.fillRect(0, 0, size.cell, size.row)
  if (borderBlockEndStyle === 'dashed') {
    context.strokeStyle = borderBlockEndColor
    context.lineWidth = 1.5
    for (let at = -size.row; at < size.cell; at += 6) {
      context.beginPath()
      context.moveTo(at, size.row)
      context.lineTo(at + size.row, 0)
      context.stroke()
    }
  }
  context.translate(size.cell / 2 - 7, size.row / 2 - 7)
  context.scale(14 / 16, 14 / 16)
  context.lineCap = 'round'
  context.lineJoin = 'round'
  const sign = new Path2D(glyphs[result])
  context.strokeStyle = backgroundColor
  context.lineWidth = 5
  context.stroke(sign)
  context.strokeStyle = color
  context.lineWidth = 2
  context.stroke(sign)
  return sprite
}
