import { type Permission, permissionAt } from '../../domain/exceptions/active-exception.ts'
import type { Judgement } from '../../domain/findings/judge.ts'
import type { Stores } from '../../store/db/stores.ts'
import { reprobeTrigger } from '../exceptions/prove-window.ts'

/** A rule and a target at an instant, in milliseconds. */
export interface Judged {
  rule: string
  targetId: number
  at: number
}

/** The windows and waivers of some findings. */
export interface Permissions {
  /** The window that is open for a rule and target. */
  windowOf(judged: Judged): string | null
  /** The waiver of a failing finding, if any. */
  waiverOf(judged: Judged, judgement: Judgement): string | null
}

/** Loads windows and waivers with one query each. */
export async function loadPermissions(
  stores: Stores,
  { policy, trigger, judged }: { policy: string; trigger: string; judged: readonly Pick<Judged, 'targetId' | 'at'>[] },
): Promise<Permissions> {
  const times = judged.map(({ at }) => at)
  const bounds = times.reduce(({ least, most }, at) => ({ least: Math.min(least, at), most: Math.max(most, at) }), {
    least: Number.POSITIVE_INFINITY,
    most: Number.NEGATIVE_INFINITY,
  })
  const query = {
    policy,
    targetIds: [...new Set(judged.map(({ targetId }) => targetId))],
    from: new Date(bounds.least),
    until: new Date(bounds.most),
  }
  const [windows, waivers]: [Permission[], Permission[]] =
    judged.length === 0
      ? [[], []]
      : await Promise.all([stores.windows.permissions(query), stores.waivers.permissions(query)])
  // The clock of a vantage may be behind: a reprobe never counts as inside its own window.
  const open = windows.filter(({ id }) => trigger !== reprobeTrigger(id))
  return {
    windowOf: (one) => permissionAt(open, one)?.id ?? null,
    waiverOf: (one, { result }) => (result === 'fail' ? (permissionAt(waivers, one)?.id ?? null) : null),
  }
}
