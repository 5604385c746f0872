import type { Kind } from './cells.ts'
import { type Mode, tiles } from './modes.ts'

/** The tile of a kind of cell; nothing where there is no outcome. */
export function TileSign({ mode, kind }: { mode: Mode; kind: Kind | undefined }) {
  const tile = tiles[mode].find((one) => one.kind === kind)
  if (!tile) return null
  return (
    <span class="tile" data-kind={kind}>
      <svg class="glyph" viewBox="0 0 16 16" aria-hidden="true">
        <path d={tile.sign} />
      </svg>
    </span>
  )
}
