import { type Note, rowLimit } from './body.ts'

/** Separators of cells, with what an issue or a note calls them. */
export const separators: Record<string, string> = { ',': 'commas', ';': 'semicolons', '\t': 'tabs' }

interface CsvStart {
  delimiter: string
  /** The document, with its header line first. */
  rest: AsyncIterable<string>
  /** Lines before the header line. */
  skipped: number
}

/** Reads `sep=` (Excel), else finds the separator with which the first line names the columns `name` and `address`. */
export async function openCsv(pieces: AsyncIterable<string>, note: Note): Promise<CsvStart> {
  const source = pieces[Symbol.asyncIterator]()
  let start = ''
  /** Reads until the start holds this many line ends, or more than a row may have. */
  const read = async (lines: number) => {
    while (start.split('\n', lines + 1).length <= lines && start.length <= rowLimit) {
      const { done, value } = await source.next()
      if (done) return
      start += value
    }
  }
  await read(1)
  const declared = /^"?sep=([^\r\n"])"?[ \t]*\r?\n/i.exec(start)
  if (declared) {
    start = start.slice(declared[0].length)
    await read(1)
  }
  const delimiter = declared?.[1] ?? findDelimiter(start.split(/[\r\n]/, 1)[0] ?? '')
  const skipped = declared ? 1 : 0
  if (delimiter !== ',') note(`cells are separated by ${separators[delimiter] ?? delimiter}`, 1)
  async function* rest() {
    yield start
    start = ''
    yield* { [Symbol.asyncIterator]: () => source }
  }
  return { delimiter, rest: rest(), skipped }
}

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
