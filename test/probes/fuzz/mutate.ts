import { below, pick, type Random } from './random.ts'

type Mutation = (bytes: Buffer, random: Random) => Buffer

/** Bytes and lengths at which parsers decide. */
const edges = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x0a, 0x0d, 0x20, 0x16, 0x15, 0x30, 0x84] as const

const at = (bytes: Buffer, random: Random): number => below(bytes.length, random)
function change(bytes: Buffer, index: number, to: (byte: number) => number): Buffer {
  const changed = Buffer.from(bytes)
  changed[index] = to(changed[index] ?? 0)
  return changed
}

const cut = (bytes: Buffer, random: Random): [Buffer, Buffer, Buffer] => {
  const start = at(bytes, random)
  const end = Math.min(bytes.length, start + 1 + below(16, random))
  return [bytes.subarray(0, start), bytes.subarray(start, end), bytes.subarray(end)]
}

/** Parsers get past these to what follows. */
const sameLength: readonly [Mutation, ...Mutation[]] = [
  (bytes, random) => change(bytes, at(bytes, random), (byte) => byte ^ (1 << below(8, random))),
  (bytes, random) =>
    change(bytes, at(bytes, random), () => (random() < 0.5 ? pick(edges, random) : below(256, random))),
  // A length that is too large, too small or negative.
  (bytes, random) => {
    const changed = Buffer.from(bytes)
    const start = at(bytes, random)
    changed.subarray(start, start + pick([2, 3, 4], random)).fill(pick([0x00, 0x7f, 0xff], random))
    return changed
  },
]

const anywhere: readonly [Mutation, ...Mutation[]] = [
  (bytes, random) => {
    const [before, , after] = cut(bytes, random)
    return Buffer.concat([before, after])
  },
  (bytes, random) => {
    const [before, part, after] = cut(bytes, random)
    return Buffer.concat([before, ...Array<Buffer>(pick([2, 3, 500], random)).fill(part), after])
  },
  (bytes, random) => {
    const [before, part, after] = cut(bytes, random)
    return Buffer.concat([before, Buffer.from(part).reverse(), after])
  },
  (bytes, random) => bytes.subarray(0, 1 + at(bytes, random)),
  (bytes, random) => {
    const [, part] = cut(bytes, random)
    const [before, , after] = cut(bytes, random)
    return Buffer.concat([before, part, after])
  },
]

/** Bytes that differ from a real response by one to four changes, mostly one; never empty, because silence is another matter. */
export function mutate(bytes: Buffer, random: Random): Buffer {
  let changed = bytes
  for (let left = pick([1, 1, 1, 2, 4], random); left > 0; left -= 1) {
    const next = pick(random() < 0.6 ? sameLength : anywhere, random)(changed, random)
    if (next.length > 0) changed = next
  }
  return changed
}
