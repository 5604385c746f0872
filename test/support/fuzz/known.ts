/** What the service has, by collection: newest last. A draft's `§collection§n§` is one of them at the time when it is sent. */
export interface Known {
  add(collection: string, value: unknown): void
  /** Replaces every mark by a known value. */
  fill<T>(value: T): T
}

/** A target that is not among the known ones, so that no request retires it. */
export const keptTarget = 'kept'

const keep = 40
const mark = /§([a-zA-Z-]+)§(\d+)§/g

export function createKnown(): Known {
  const values = new Map<string, unknown[]>()
  const pick = (collection: string, index: string): unknown => {
    const all = values.get(collection) ?? []
    return all.length > 0 ? all[all.length - 1 - (Number(index) % all.length)] : `none-${index}`
  }
  const fill = (value: unknown): unknown => {
    if (typeof value === 'string') {
      const [whole, collection = '', index = ''] = new RegExp(`^${mark.source}$`).exec(value) ?? []
      if (whole !== undefined) return pick(collection, index)
      return value.replace(mark, (_, name: string, index: string) => String(pick(name, index)))
    }
    if (Array.isArray(value)) return Array.from(value, fill) // map() uses its `constructor`, which may be a generated value
    if (typeof value !== 'object' || value === null) return value
    // fromEntries defines: `__proto__` stays a key.
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, fill(member)]))
  }
  return {
    add(collection, value) {
      const all = values.get(collection) ?? []
      if (all.includes(value) || value === keptTarget) return
      values.set(collection, [...all, value].slice(-keep))
    },
    fill: <T>(value: T) => fill(value) as T,
  }
}

/** Adds the names and ids in a response of a path. */
export function learn(known: Known, path: string, body: unknown): void {
  const collection =
    path
      .split('/')
      .filter((step) => !step.startsWith('{'))
      .at(-1) ?? ''
  const items = (body as { items?: unknown[] } | null)?.items
  for (const item of items ?? [body]) {
    if (typeof item !== 'object' || item === null) continue
    const { id, name, fingerprint } = item as Record<string, unknown>
    const ownName = fingerprint ?? id ?? name
    if (typeof ownName === 'string') known.add(collection, ownName)
    for (const [key, value] of Object.entries(item))
      if (typeof value === 'string' && /^(target|rule|vantage|policy)$/.test(key))
        known.add(key === 'policy' ? 'policies' : `${key}s`, value)
  }
  const cursor = (body as { next?: unknown } | null)?.next
  if (typeof cursor === 'string') known.add('cursors', cursor)
}
