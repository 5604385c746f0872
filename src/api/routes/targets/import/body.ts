import type { FastifyRequest } from 'fastify'
import type { ValidationIssue } from '../../../../domain/errors.ts'
import { createPace } from '../../../../runtime/pace.ts'

type IncomingMessage = FastifyRequest['raw']

/** A row of an imported document, or why it is refused; pointers lead into the row, in CSV to a column. */
export type Row =
  | {
      line: number
      value: unknown
      /** What counts where `value` has a name that is not valid or taken. */
      fallback?: unknown
    }
  | { line: number; issues: ValidationIssue[] }

/** Takes what a reader assumed or passed over, with the line of the document. */
export type Note = (detail: string, line: number) => void

/** Reads the rows of a document as its text comes; memory holds one piece and one row. Throws UnreadableError. */
export type RowReader = (pieces: AsyncIterable<string>, note: Note) => AsyncIterable<Row>

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

/** One row may take so many characters; with the quotes of CSV twice as many. */
export const rowLimit = 4 * 2 ** 20
/** Bytes that are read before other work may run. */
export const stepBytes = 16 * 1024

/**
 * The text of a body as it comes, without its byte order mark, in small pieces with pauses for other work. Throws
 * UnreadableError, TooLargeError or CutOffError.
 */
export async function* readBody(
  body: IncomingMessage,
  { limitBytes, decoderFor = () => 'utf-8' }: { limitBytes: number; decoderFor?: (start: Buffer) => string },
): AsyncGenerator<string> {
  let decoder: InstanceType<typeof TextDecoder> | undefined
  const decode = (bytes?: Buffer) => {
    decoder ??= new TextDecoder(decoderFor(bytes ?? Buffer.alloc(0)), { fatal: true })
    try {
      return decoder.decode(bytes, { stream: bytes !== undefined })
    } catch {
      throw new UnreadableError(`the body is not ${decoder.encoding.toUpperCase()} text`)
    }
  }
  const pause = createPace()
  let size = 0
  for await (const bytes of chunksOf(body)) {
    size += bytes.length
    if (size > limitBytes) throw new TooLargeError(`the body has more than ${limitBytes / 2 ** 20} MiB`)
    for (let from = 0; from < bytes.length; from += stepBytes) {
      const text = decode(bytes.subarray(from, from + stepBytes))
      if (text !== '') yield text
      await pause()
    }
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
