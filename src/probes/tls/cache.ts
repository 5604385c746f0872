/** An LRU cache of at most `maxSize` values. */
export function createCache<Value>(maxSize: number): (id: string, make: () => Value) => Value {
  const kept = new Map<string, Value>()
  return (id, make) => {
    const value = kept.get(id) ?? make()
    kept.delete(id)
    kept.set(id, value) // a Map iterates in insertion order
    const [oldest] = kept.keys()
    if (kept.size > maxSize && oldest !== undefined) kept.delete(oldest)
    return value
  }
}
