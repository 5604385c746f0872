import { diffIndices } from 'node-diff3'

/** Lines that neither, one or both sides have changed; `conflict`: both, and not alike. */
export interface Region {
  kind: 'same' | 'mine' | 'theirs' | 'both' | 'conflict'
  before: string[]
  mine: string[]
  theirs: string[]
}

/** A stretch of lines: where it is in the text before, and in one of the others. */
interface Hunk {
  from: number
  to: number
  otherFrom: number
  otherTo: number
}

const hunksOf = (before: string[], other: string[]): Hunk[] =>
  diffIndices(before, other).map(({ buffer1: [from, length], buffer2: [otherFrom, otherLength] }) => ({
    ...{ from, to: from + length, otherFrom, otherTo: otherFrom + otherLength },
  }))

/** The lines of another text for the lines `from` to `to` of the text before, in which it has these changes. */
function linesOf(
  other: string[],
  own: readonly Hunk[],
  [from, to]: readonly [number, number],
  shift: number,
): string[] {
  const [first, last] = [own[0], own.at(-1)]
  if (!first || !last) return other.slice(from + shift, to + shift)
  return other.slice(first.otherFrom - (first.from - from), last.otherTo + (to - last.to))
}

/** What two people made of a text, in regions from its beginning to its end. Changes that touch each other are one region. */
export function compareThree(beforeText: string, mineText: string, theirsText: string): Region[] {
  const [before, mine, theirs] = [beforeText, mineText, theirsText].map((text) => text.split('\n')) as [
    string[],
    string[],
    string[],
  ]
  const hunks = [
    ...hunksOf(before, mine).map((hunk) => ({ ...hunk, isMine: true })),
    ...hunksOf(before, theirs).map((hunk) => ({ ...hunk, isMine: false })),
  ].sort((a, b) => a.from - b.from || a.to - b.to)
  const regions: Region[] = []
  const shifts = { mine: 0, theirs: 0 }
  let end = 0
  const addSame = (to: number) => {
    const lines = before.slice(end, to)
    if (lines.length > 0) regions.push({ kind: 'same', before: lines, mine: lines, theirs: lines })
  }
  for (let at = 0; at < hunks.length; ) {
    const group = [hunks[at] as (typeof hunks)[0]]
    let [from, to] = [group[0]?.from ?? 0, group[0]?.to ?? 0]
    for (at += 1; at < hunks.length && (hunks[at]?.from ?? 0) <= to; at += 1) {
      const next = hunks[at] as (typeof hunks)[0]
      group.push(next)
      to = Math.max(to, next.to)
    }
    addSame(from)
    const [own, other] = [group.filter(({ isMine }) => isMine), group.filter(({ isMine }) => !isMine)]
    const region = {
      before: before.slice(from, to),
      mine: linesOf(mine, own, [from, to], shifts.mine),
      theirs: linesOf(theirs, other, [from, to], shifts.theirs),
    }
    regions.push({ kind: kindOf(region), ...region })
    shifts.mine += region.mine.length - region.before.length
    shifts.theirs += region.theirs.length - region.before.length
    end = to
    from = to
  }
  addSame(before.length)
  return regions
}

const isSame = (a: readonly string[], b: readonly string[]) => a.join('\n') === b.join('\n') && a.length === b.length

function kindOf({ before, mine, theirs }: Omit<Region, 'kind'>): Region['kind'] {
  if (isSame(mine, theirs)) return 'both'
  if (isSame(mine, before)) return 'theirs'
  return isSame(theirs, before) ? 'mine' : 'conflict'
}

/** Whose lines of a conflict are taken; `both`: mine, then theirs. */
export type Choice = 'mine' | 'theirs' | 'both'

/** The text of both; undefined while a conflict, by its index among the regions, has no choice. */
export function mergeText(regions: readonly Region[], choices: ReadonlyMap<number, Choice>): string | undefined {
  const lines: string[] = []
  for (const [i, { kind, before, mine, theirs }] of regions.entries()) {
    const choice = kind === 'conflict' ? choices.get(i) : kind
    if (choice === undefined) return undefined
    if (choice === 'same') lines.push(...before)
    else if (choice === 'theirs') lines.push(...theirs)
    else lines.push(...mine, ...(kind === 'conflict' && choice === 'both' ? theirs : []))
  }
  return lines.join('\n')
}
