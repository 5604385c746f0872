import { jsonIssueOf } from '../../../../encoding/json-scan.ts'
import { type Row, rowLimit } from './body.ts'

/** Each line a JSON value; empty lines are none. */
export async function* readNdjson(pieces: AsyncIterable<string>): AsyncGenerator<Row> {
  let line = 0
  for await (const text of linesOf(pieces)) {
    line += 1
    if (text === undefined) yield refuse(line, `has more than ${rowLimit} characters`)
    else if (text.trim() !== '') yield readLine(line, text)
  }
}

function readLine(line: number, text: string): Row {
  const jsonIssue = jsonIssueOf(text)
  if (jsonIssue !== undefined) return refuse(line, jsonIssue)
  try {
    return { line, value: JSON.parse(text) }
  } catch {
    return refuse(line, 'is not a JSON value')
  }
}

const refuse = (line: number, message: string): Row => ({ line, issues: [{ pointer: '', message }] })

/** The lines; of one that is too long nothing is kept, and it is undefined. */
async function* linesOf(pieces: AsyncIterable<string>): AsyncGenerator<string | undefined> {
  let open: string | undefined = ''
  for await (const piece of pieces) {
    let from = 0
    for (let end = piece.indexOf('\n'); end >= 0; end = piece.indexOf('\n', from)) {
      yield fitting(open, piece.slice(from, end))
      open = ''
      from = end + 1
    }
    open = fitting(open, piece.slice(from))
  }
  if (open !== '') yield open
}

const fitting = (start: string | undefined, rest: string) =>
  start === undefined || start.length + rest.length > rowLimit ? undefined : start + rest
