import { createPace } from '../../../../runtime/pace.ts'
import { type Note, stepBytes, UnreadableError } from './body.ts'

/** Characters of the line that names the columns. */
const maxHead = 256 * 1024

/** Separators of cells, with what an issue or a note calls them. */
export const separators: Record<string, string> = { ',': 'commas', ';': 'semicolons', '\t': 'tabs' }

interface CsvStart {
  delimiter: string
  /** The document, with its header line first. */
  rest: AsyncIterable<string | Buffer>
  /** Lines before the header line. */
  skipped: number
}

/** Reads `sep=` (Excel), else finds the separator with which the first line names the columns `name` and `address`. */
export async function openCsv(pieces: AsyncIterable<string>, note: Note): Promise<CsvStart> {
  const source = pieces[Symbol.asyncIterator]()
  let start = ''
  /** Reads until the start holds a line with a value, and returns where that begins; the columns fit into the limit. */
  const readLine = async (): Promise<number> => {
    let [at, begin, isEmpty] = [0, 0, true]
    for (;;) {
      for (; at < start.length; at++) {
        const unit = start[at] as string
        if (unit === '\r' && at + 1 === start.length) break // the line end may be split
        const ends = unit === '\n' || (unit === '\r' && start[at + 1] !== '\n')
        if (ends && !isEmpty) return begin
        if (ends) begin = at + 1
        else if (!valueless.has(unit)) isEmpty = false
      }
      if (start.length > maxHead) throw new UnreadableError(`the first line has more than ${maxHead} characters`, 1)
      const { done, value } = await source.next()
      if (done) return begin
      start += value
    }
  }
  let head = await readLine()
  const declared = /^"?sep=([^\r\n"])"?[ \t]*\r?\n/i.exec(start)
  if (declared) {
    start = start.slice(declared[0].length)
    head = await readLine()
  }
  const delimiter = declared?.[1] ?? findDelimiter(start.slice(head).split(/[\r\n]/, 1)[0] ?? '')
  const skipped = declared ? 1 : 0
  if (delimiter !== ',') note(`cells are separated by ${separators[delimiter] ?? delimiter}`, 1)
  async function* rest() {
    // In small pieces with pauses, as the rest of the body comes.
    const bytes = Buffer.from(start)
    const pause = createPace()
    for (let from = 0; from < bytes.length; from += stepBytes) {
      yield bytes.subarray(from, from + stepBytes)
      await pause()
    }
    yield* { [Symbol.asyncIterator]: () => source }
  }
  return { delimiter, rest: rest(), skipped }
}

/** A line of these alone, as a spreadsheet writes an empty row, does not name columns. */
const valueless: ReadonlySet<string> = new Set([...Object.keys(separators), ' ', '"', '\r'])

const findDelimiter = (head: string): string =>
  Object.keys(separators).find((separator) => {
    const names = head.split(separator).map((name) => trimBlanks(name.replaceAll('"', '')).toLowerCase())
    return names.includes('name') && names.includes('address')
  }) ?? ','

const isBlank = (unit: string | undefined) => unit === ' ' || unit === '\t'

/** The text without blanks and tabs around it, in linear time. */
export function trimBlanks(text: string): string {
  let from = 0
  let to = text.length
  while (from < to && isBlank(text[from])) from += 1
  while (to > from && isBlank(text[to - 1])) to -= 1
  return text.slice(from, to)
}
