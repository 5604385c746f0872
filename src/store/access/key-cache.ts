import type { ApiKey } from '../generated/client.ts'

/** What the trigger on keys tells: the id of one that changed, or nothing where it may be any. */
export const keyChannel = 'portwarden_key'

/** Keys in memory, while the database tells of every change of one. What it did not tell, because the way to it broke unseen, counts for `maxAgeMs`. */
export interface KnownKeys {
  /** The key of this id: as it is in memory, else by `read`. Nobody gets what was read before a change that was told here. */
  find(id: string, now: Date, read: () => Promise<ApiKey | null>): Promise<ApiKey | null>
  /** From now on every change is told here. */
  trust(): void
  /** From now on none may be. */
  distrust(): void
  /** This key has changed; any of them where no id is named. */
  changed(id: string): void
}

const maxAgeMs = 10_000
const maxKeys = 10_000

interface Known {
  reading: Promise<ApiKey | null>
  readAt: number
}

/** Keeps nothing before it is told to trust. */
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
