import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import Negotiator from 'negotiator'
import { Type } from 'typebox'
import { RefusedError } from '../../domain/errors.ts'
import { type Columns, type CsvDialect, csvHead, csvLines, ndjsonLines } from '../../encoding/csv.ts'
import { InvalidCursorError } from '../../store/query/cursor-page.ts'
import { exampleOf } from '../openapi/examples.ts'

/** JSON comes in pages; CSV and NDJSON are streams. */
export const formats = { json: 'application/json', ndjson: 'application/x-ndjson', csv: 'text/csv' } as const
export type Format = keyof typeof formats

export const FormatQuery = {
  format: Type.Optional(
    Type.Enum(Object.keys(formats) as Format[], {
      description: 'Overrides `Accept`. `json` returns pages; `ndjson` and `csv` stream the whole listing',
      examples: ['json'],
    }),
  ),
  csv: Type.Optional(
    Type.Enum(['excel'], {
      description:
        'CSV as Excel opens it in every country: with semicolons and a byte-order mark. Implies `format=csv`',
      examples: ['excel'],
    }),
  ),
}

/** The query of a paged listing. */
export const ListingQuery = {
  ...FormatQuery,
  all: Type.Optional(
    Type.Boolean({
      description: 'With JSON: streams the whole listing as one document instead of a page',
      examples: [false],
    }),
  ),
}

/** The 200 response of a listing, for OpenAPI. */
export const listingContent = <T>(page: object, item: object, columns: Columns<T>, rows = [exampleOf(item) as T]) => ({
  description: 'A page, or the whole listing as a stream',
  content: {
    [formats.json]: { schema: page },
    [formats.ndjson]: { schema: item },
    [formats.csv]: { schema: { type: 'string', examples: [csvHead(columns) + csvLines(columns, rows)] } },
  },
})

/** The format that a request for a listing prefers. Throws RefusedError where another format than CSV is to be for Excel. */
export function formatOf(request: FastifyRequest): Format {
  const { format, csv } = request.query as { format?: Format; csv?: 'excel' }
  if (csv === undefined) return chooseFormat(request, formats)
  if (format === undefined || format === 'csv') return 'csv'
  throw new RefusedError([{ pointer: '/csv', message: 'needs format=csv, or no format' }], 'query')
}

const dialectOf = (request: FastifyRequest): CsvDialect =>
  (request.query as { csv?: 'excel' }).csv === undefined ? 'standard' : 'excel'

/** What distinguishes representations of a listing, for an ETag. */
export const representationOf = (request: FastifyRequest): string => `${formatOf(request)} ${dialectOf(request)}`

/** 406: no available media type is acceptable. */
class NotAcceptableError extends Error {
  readonly statusCode = 406
}

/**
 * The format that `format` names, else the one that `Accept` prefers (RFC 9110 section 12.5.1), by default the first.
 * Throws NotAcceptableError.
 */
export function chooseFormat<F extends string>(
  { headers, query }: FastifyRequest,
  mediaTypes: Readonly<Record<F, string>>,
): F {
  const { format } = query as { format?: F }
  if (format) return format
  const accept = headers.accept?.trim() || '*/*'
  const names = Object.keys(mediaTypes) as F[]
  const offered = names.map((name) => mediaTypes[name])
  const mediaType = new Negotiator({ headers: { accept } }).mediaType(offered)
  const chosen = names.find((name) => mediaTypes[name] === mediaType)
  if (!chosen) throw new NotAcceptableError(`Accept must allow one of ${offered.join(', ')}`)
  return chosen
}

/** Whether a request wants one page of a listing; throws InvalidCursorError for a cursor with a whole listing. */
export function wantsPage(request: FastifyRequest): boolean {
  const { all, cursor } = request.query as { all?: boolean; cursor?: string }
  const page = formatOf(request) === 'json' && !all
  if (!page && cursor !== undefined)
    throw new InvalidCursorError('a whole listing has no pages: omit the cursor, or request a page as JSON')
  return page
}

/** How items are written. */
interface Encoder<T> {
  csvHead(dialect: CsvDialect): string
  csvLines(items: readonly T[], dialect: CsvDialect): string
  toJson(item: T): string
}

const encoderOf = <T>(columns: Columns<T>): Encoder<T> => ({
  csvHead: (dialect) => csvHead(columns, dialect),
  csvLines: (items, dialect) => csvLines(columns, items, dialect),
  toJson: (item) => JSON.stringify(item),
})

interface Export<T> {
  /** The file name without its extension. */
  name: string
  columns: Columns<T>
  pages: AsyncGenerator<readonly T[], unknown>
  /** The members of a JSON document beside `items`. */
  head?: object
}

/** Streams a whole listing. */
export function sendExport<T>(
  reply: FastifyReply,
  format: Format,
  { name, pages, head, ...by }: Omit<Export<T>, 'columns'> & ({ columns: Columns<T> } | { encoder: Encoder<T> }),
) {
  const dialect = dialectOf(reply.request)
  const encoder = 'encoder' in by ? by.encoder : encoderOf(by.columns)
  async function* chunks() {
    if (format === 'csv') yield encoder.csvHead(dialect)
    if (format === 'json') yield JSON.stringify({ ...head, items: [] }).slice(0, -']}'.length)
    let separator = ''
    for await (const items of pages) {
      if (items.length === 0) continue
      if (format === 'csv') yield encoder.csvLines(items, dialect)
      else if (format === 'ndjson') yield items.map((item) => `${encoder.toJson(item)}\n`).join('')
      else yield separator + items.map(encoder.toJson).join()
      separator = ','
    }
    if (format === 'json') yield '],"next":null}'
  }
  const stream = Readable.from(chunks(), { objectMode: false })
  stream.once('close', () => void pages.return(undefined)) // a client that has left waits for no page
  return typed(reply, format, name).send(stream)
}

/** Sends items from memory as CSV or NDJSON. */
export function sendWhole<T>(
  reply: FastifyReply,
  format: Exclude<Format, 'json'>,
  { name, columns, items }: Pick<Export<T>, 'name' | 'columns'> & { items: readonly T[] },
) {
  const dialect = dialectOf(reply.request)
  const toCsv = () => csvHead(columns, dialect) + csvLines(columns, items, dialect)
  return typed(reply, format, name).send(format === 'csv' ? toCsv() : ndjsonLines(items))
}

const typed = (reply: FastifyReply, format: Format, name: string) =>
  asFile(reply, `${name}.${format}`).type(`${formats[format]}; charset=utf-8`).header('vary', 'accept')

/** Sets the file name under which clients save the response. */
export const asFile = (reply: FastifyReply, name: string): FastifyReply =>
  reply.header('content-disposition', `attachment; filename="${name}"`)
