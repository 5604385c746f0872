import type { ApiKey } from '../generated/client.ts'

/** The channel of the trigger on keys. The payload is the id of the changed key; empty: any key. */
export const keyChannel = 'portwarden_key'

/** Keys in memory, while notifications of changes arrive. A lost notification is effective after `maxAgeMs` at the latest. */
export interface KnownKeys {
  /** The key from memory, else by `read`. Never a row that is older than a notified change. */
  find(id: string, now: Date, read: () => Promise<ApiKey | null>): Promise<ApiKey | null>
  /** Notifications arrive from now on. */
  trust(): void
  /** Notifications may be lost from now on. */
  distrust(): void
  /** This key has changed; without an id, any key. */
  changed(id: string): void
}

const maxAgeMs = 10_000
const maxKeys = 10_000

interface Known {
  reading: Promise<ApiKey | null>
  readAt: number
}

/** Caches nothing before `trust` is called. */
export function createKnownKeys(): KnownKeys {
  const known = new Map<string, Known>()
  let trusted = false

  const keep = (id: string, reading: Promise<ApiKey | null>, readAt: number) => {
    const entry: Known = { reading, readAt }
    known.delete(id)
    known.set(id, entry)
    const [oldest] = known.keys()
    if (known.size > maxKeys && oldest !== undefined) known.delete(oldest)
    const drop = () => known.get(id) === entry && known.delete(id)
    reading.then((row) => row ?? drop(), drop) // what is no key must not push keys out
  }

  return {
    find(id, now, read) {
      if (!trusted) return read()
      const entry = known.get(id)
      const ageMs = now.getTime() - (entry?.readAt ?? Number.NEGATIVE_INFINITY)
      if (entry && ageMs >= 0 && ageMs < maxAgeMs) return entry.reading
      const reading = read()
      keep(id, reading, now.getTime())
      return reading
    },
    trust() {
      trusted = true
    },
    distrust() {
      trusted = false
      known.clear()
    },
    changed(id) {
      if (id === '') known.clear()
      else known.delete(id)
    },
  }
}
