/**
 * The memory that the thread of the connector and its user share: one slot for each attempt in flight, and two rings of slot
 * numbers, each with one writer and one reader.
 */
export interface Slots {
  /** `sockaddr` of a slot, and its offset in the memory. */
  sockaddr(slot: number): Uint8Array
  sockaddrOffset(slot: number): number
  /** Attempts to begin, and, as `~slot`, to cancel. */
  requests: Ring
  /** Attempts that ended. */
  results: Ring
  view: DataView
  field(slot: number, field: number): number
  /** Whether the thread waits in the kernel, and whether its user has an unread notice. */
  signals: Int32Array
}

/** First in, first out, for one thread that pushes and one that shifts. */
export interface Ring {
  push(value: number): void
  /** Undefined if it is empty. */
  shift(): number | undefined
  isEmpty(): boolean
}

/** Indices of `signals`. */
export const sleeping = 0
export const noticed = 1
export const stopping = 2

/** Offsets in a slot. */
export const fields = {
  sockaddr: 0, // 28 bytes
  family: 28, // int32
  /** In: milliseconds to the deadline. Out: milliseconds from connect() to the outcome. */
  ms: 32, // float64
  /** Zero: that of the system. */
  hops: 40, // int32
  keep: 44, // int32
  /** Errno; zero for connected, or one of `outcomes`. */
  outcome: 48, // int32
  immediate: 52, // int32
  /** Negative: none, or closed. */
  fd: 56, // int32
  /** Zero: no message. */
  icmpOrigin: 60, // uint8
  icmpType: 61,
  icmpCode: 62,
  senderSize: 63,
  sender: 64, // 16 bytes
} as const
const slotSize = 80

/** Values of `fields.outcome` that are no errno. */
export const outcomes = { connected: 0, silent: -1, canceled: -2 } as const

const headerSize = 64
// A slot has at most a late cancelation of its last attempt, an attempt and its cancelation in the ring.
const requestsPerSlot = 4

const ringLength = (entries: number): number => 2 ** Math.ceil(Math.log2(entries))
const ringSize = (entries: number): number => 8 + 4 * ringLength(entries)

export const memorySize = (count: number): number =>
  headerSize + 8 * Math.ceil((count * slotSize) / 8) + ringSize(count * requestsPerSlot) + ringSize(count + 1)

/** Lays out `memorySize(count)` bytes; both threads do this alike. */
export function mapSlots(memory: SharedArrayBuffer, count: number): Slots {
  const requestsAt = headerSize + count * slotSize
  const field = (slot: number, offset: number) => headerSize + slot * slotSize + offset
  return {
    signals: new Int32Array(memory, 0, 3),
    view: new DataView(memory),
    field,
    sockaddrOffset: (slot) => field(slot, fields.sockaddr),
    sockaddr: (slot) => new Uint8Array(memory, field(slot, fields.sockaddr), 28),
    requests: mapRing(memory, requestsAt, ringLength(count * requestsPerSlot)),
    results: mapRing(memory, requestsAt + ringSize(count * requestsPerSlot), ringLength(count + 1)),
  }
}

function mapRing(memory: SharedArrayBuffer, offset: number, length: number): Ring {
  const ends = new Int32Array(memory, offset, 2)
  const entries = new Int32Array(memory, offset + 8, length)
  const mask = length - 1
  const [head, tail] = [0, 1]
  return {
    push(value) {
      const end = Atomics.load(ends, tail)
      if (((end - Atomics.load(ends, head)) | 0) > mask) throw new RangeError('a ring of the connector is full')
      entries[end & mask] = value
      Atomics.store(ends, tail, (end + 1) | 0)
    },
    shift() {
      const start = Atomics.load(ends, head)
      if (start === Atomics.load(ends, tail)) return undefined
      const value = entries[start & mask]
      Atomics.store(ends, head, (start + 1) | 0)
      return value
    },
    isEmpty: () => Atomics.load(ends, head) === Atomics.load(ends, tail),
  }
}
