import type { Static } from 'typebox'
import type { MatrixReport } from '../../../api/routes/reports/schemas/matrix.ts'
import { resultNames } from '../../parts/results/results.ts'
import type { Cell } from './cells.ts'

export type Matrix = Static<typeof MatrixReport>
export type Column = Matrix['columns'][number]

/** What a cell says, in words. */
export function cellText(cell: Cell | undefined): string {
  if (!cell) return 'no outcome'
  const state = cell.state === 'unknown' ? '' : `, ${cell.state}`
  if (cell.result === 'waived') return `Fail that a waiver or a window permits${state}`
  return `${resultNames[cell.result]}${state}${cell.isPermitted ? ', a window is open' : ''}`
}
