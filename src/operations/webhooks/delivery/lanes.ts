import type { DueDelivery } from '../../../store/webhooks/deliveries.ts'

/** Groups deliveries that must stay in order: they share a lane or a series, directly or through others. */
export function lanesOf<D extends Pick<DueDelivery, 'lane' | 'series'>>(due: readonly D[]): D[][] {
  const groupOf = new Map<string, D[]>()
  const groups = new Set<D[]>()
  for (const delivery of due) {
    const keys = [`lane ${delivery.lane}`, ...(delivery.series ? [`series ${delivery.series}`] : [])]
    const known = [...new Set(keys.map((key) => groupOf.get(key)).filter((group) => group !== undefined))]
    const [first = [], ...others] = known
    for (const other of others) {
      first.push(...other)
      groups.delete(other)
      for (const [key, group] of groupOf) if (group === other) groupOf.set(key, first)
    }
    first.push(delivery)
    groups.add(first)
    for (const key of keys) groupOf.set(key, first)
  }
  return [...groups].map((group) => (group.length > 1 ? inOrder(group, due) : group))
}

function inOrder<D>(group: readonly D[], due: readonly D[]): D[] {
  const members = new Set(group)
  return due.filter((delivery) => members.has(delivery))
}
