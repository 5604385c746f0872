/** A zone that rules name and no vantage belongs to. */
export interface UnseenZone {
  zone: string
  policies: { name: string; rules: string[] }[]
}

/** The zones of rules, of `unlike` too, that no vantage belongs to, by name. */
export function unseenZones(
  policies: readonly {
    name: string
    document: { rules: readonly { id: string; from: readonly string[]; unlike?: { from: readonly string[] } }[] }
  }[],
  vantages: readonly { zones: readonly string[] }[],
): UnseenZone[] {
  const seen = new Set(vantages.flatMap(({ zones }) => zones))
  const unseen = new Map<string, UnseenZone>()
  for (const { name, document } of policies)
    for (const { id, from, unlike } of document.rules)
      for (const zone of new Set([...from, ...(unlike?.from ?? [])])) {
        if (seen.has(zone)) continue
        const known = unseen.get(zone) ?? { zone, policies: [] }
        unseen.set(zone, known)
        const last = known.policies.at(-1)
        if (last?.name === name) last.rules.push(id)
        else known.policies.push({ name, rules: [id] })
      }
  return [...unseen.values()].sort((a, b) => (a.zone < b.zone ? -1 : 1))
}
