// A string or a template ends the search for a comment inside it; single and double quotes end with their line.
const token =
  /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\*[\s\S]*?\*\/|(?:\/\/[^\n]*(?:\n\s*(?=\/\/))?)+/g

/** The comments of a TypeScript file as plain text; successive `//` lines are one comment. Directives of tools are left out. */
export const commentsOf = (text: string): string[] =>
  [...text.matchAll(token)]
    .map(([found]) => found)
    .filter((found) => found.startsWith('/'))
    .map((found) => found.replace(/^\s*(\/\*\*?|\/\/|\*\/|\*(?!\/))|\*\/$/gm, ' ').trim())
    .filter((comment) => comment !== '' && !/^(biome-ignore|@ts-)/.test(comment))

export const wordsIn = (comment: string): number => comment.split(/\s+/).filter((word) => /\w/.test(word)).length

export function medianOf(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]]
  if (low === undefined || high === undefined) throw new Error('the median of nothing')
  return (low + high) / 2
}
