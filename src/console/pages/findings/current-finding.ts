import type { Static } from 'typebox'
import type {
  FindingDetail as DetailSchema,
  CurrentFinding as FindingSchema,
} from '../../../api/routes/findings/schemas.ts'
import type { Parameters } from '../../url/parameters.ts'

export type CurrentFinding = Static<typeof FindingSchema>
export type Detail = Static<typeof DetailSchema>

/** What the list of findings can show, with the filters that choose it. */
export const views: Readonly<Record<'failing' | 'fix' | 'unknown' | 'waived' | 'all', Parameters>> = {
  failing: { result: 'fail', waived: false },
  fix: { result: 'fail', waived: false },
  unknown: { result: ['unknown', 'error', 'notchecked'] },
  waived: { result: 'fail', waived: true },
  all: {},
}
export type View = keyof typeof views

/** "client (branch)": the zones from which a vantage sees, and its name; a zone without a vantage alone. */
export function vantageText({ vantage, zones = [] }: { vantage: string; zones?: readonly string[] }): string {
  const zone = /^zone:(.+)$/.exec(vantage)?.[1]
  if (zone !== undefined) return `${zone} (no vantage)`
  return zones.length > 0 && zones.join() !== vantage ? `${zones.join(', ')} (${vantage})` : vantage
}
