import type { FastifyRequest } from 'fastify'
import type { ValidationIssue } from '../../../../domain/errors.ts'

type IncomingMessage = FastifyRequest['raw']

/** A row of an imported document, or why it is refused; pointers lead into the row, in CSV to a column. */
export type Row = { line: number; value: unknown } | { line: number; issues: ValidationIssue[] }

/** Reads the rows of a document as its text comes; memory holds one piece and one row. Throws UnreadableError. */
export type RowReader = (pieces: AsyncIterable<string>) => AsyncIterable<Row>

/** The document cannot be read from this line on. */
export class UnreadableError extends Error {
  readonly line: number | undefined

  constructor(message: string, line?: number) {
    super(message)
    this.line = line
  }
}

export class TooLargeError extends Error {}
export class CutOffError extends Error {}

/** One row may take so many characters. */
export const rowLimit = 64 * 1024

/** The text of a body as it comes, without its byte order mark. Throws UnreadableError, TooLargeError or CutOffError. */
export async function* readBody(body: IncomingMessage, limitBytes: number): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const decode = (bytes?: Buffer) => {
    try {
      return decoder.decode(bytes, { stream: bytes !== undefined })
    } catch {
      throw new UnreadableError('the body is not UTF-8 text')
    }
  }
  let size = 0
  for await (const bytes of chunksOf(body)) {
    size += bytes.length
    if (size > limitBytes) throw new TooLargeError(`the body has more than ${limitBytes / 2 ** 20} MiB`)
    const text = decode(bytes)
    if (text !== '') yield text
  }
  const rest = decode()
  if (rest !== '') yield rest
}

// The rest is drained after the reader stops: a destroyed socket carries no response.
async function* chunksOf(body: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of body.iterator({ destroyOnReturn: false })) yield chunk
  } catch (error) {
    throw body.complete ? error : new CutOffError('the body was cut off before its end')
  }
}

/** Discards the rest of a body, so that the client receives the response; gives up where it is too long. */
export async function drain(body: IncomingMessage, limitBytes: number): Promise<void> {
  let size = 0
  for await (const bytes of chunksOf(body)) {
    size += bytes.length
    if (size > limitBytes) return
  }
}
