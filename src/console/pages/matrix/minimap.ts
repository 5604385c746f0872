import { type Kind, kindAt } from './cells.ts'
import { tiles } from './modes.ts'
import { type Drawn, nameWidth, shownBy, size, tileColours } from './painter.ts'

/** Width in CSS pixels; matrix.css has it, too. */
export const mapWidth = 72

/** Draws the whole matrix small, the most urgent kind of cell in each dot, with a frame around what is in sight. */
export function createMinimap(canvas: HTMLCanvasElement, legend: HTMLElement, { mode, columns, rows, ages }: Drawn) {
  const height = canvas.clientHeight
  canvas.width = mapWidth
  canvas.height = height
  const context = canvas.getContext('2d')
  const whole = document.createElement('canvas')
  whole.width = mapWidth
  whole.height = height
  const { backgroundColor, color } = getComputedStyle(canvas)
  const dots = whole.getContext('2d')
  if (dots) {
    dots.fillStyle = backgroundColor
    dots.fillRect(0, 0, mapWidth, height)
    drawDots(dots)
  }

  function drawDots(on: CanvasRenderingContext2D): void {
    const order = tiles[mode].map(({ kind }) => kind)
    const urgency = new Map(order.map((kind, index) => [kind, index]))
    const fills = new Map(
      order.map((kind) => {
        const colours = tileColours(kind, legend)
        return [kind, colours && (colours.hatch ?? colours.ground)] as const
      }),
    )
    const sources = columns.flatMap((column) => column.sources)
    const dot = Math.max(1, Math.ceil(height / rows.length))
    const wide = mapWidth / sources.length
    for (let y = 0; y < height; y += dot) {
      const from = Math.floor((y * rows.length) / height)
      const to = Math.max(from + 1, Math.floor(((y + dot) * rows.length) / height))
      for (const [position, { index }] of sources.entries()) {
        let worst: Kind | undefined
        for (let row = from; row < to; row++) {
          const kind = kindAt(shownBy(mode), { cells: rows[row]?.[1] ?? '', ages: ages?.[row] }, index)
          if (kind && (urgency.get(kind) ?? 99) < (worst ? (urgency.get(worst) ?? 99) : 100)) worst = kind
        }
        const fill = worst && fills.get(worst)
        if (!fill) continue
        on.fillStyle = fill
        on.fillRect(position * wide, y, Math.max(1, wide), dot)
      }
    }
  }

  return function frame(view: HTMLElement): void {
    if (!context) return
    context.drawImage(whole, 0, 0)
    const { top, shown } = inSight(view, rows.length)
    const share = Math.min(
      1,
      (view.clientWidth - nameWidth(view.clientWidth)) / Math.max(1, view.scrollWidth - nameWidth(view.clientWidth)),
    )
    context.strokeStyle = color
    context.lineWidth = 2
    context.strokeRect(
      1 + (view.scrollLeft / Math.max(1, view.scrollWidth)) * mapWidth,
      1 + top * height,
      Math.max(6, share * mapWidth - 2),
      Math.max(4, shown * height - 2),
    )
  }
}

/** Where what is in sight begins, and how much it is, as shares of all rows. */
function inSight(view: HTMLElement, rows: number): { top: number; shown: number } {
  const all = Math.max(1, rows * size.row)
  return { top: view.scrollTop / all, shown: Math.min(1, (view.clientHeight - size.head) / all) }
}
