import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { type Columns, csvHead, csvLines, ndjsonLines } from '../../encoding/csv.ts'
import { InvalidCursorError } from '../../store/query/cursor-page.ts'
import { exampleOf } from '../openapi/examples.ts'

/** A listing can be read page by page as JSON, or whole as a stream of CSV or NDJSON. */
export const formats = { json: 'application/json', ndjson: 'application/x-ndjson', csv: 'text/csv' } as const
export type Format = keyof typeof formats

export const FormatQuery = {
  format: Type.Optional(
    Type.Enum(Object.keys(formats) as Format[], {
      description: 'Overrides `Accept`. `json` returns pages; `ndjson` and `csv` stream the whole listing',
      examples: ['json'],
    }),
  ),
}

/** For a listing that comes in pages. */
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

/** The format that a request for a listing asks for. */
export const formatOf = (request: FastifyRequest): Format => chooseFormat(request, formats)

/** Nothing that there is may be answered. */
class NotAcceptableError extends Error {
  readonly statusCode = 406
}

/**
 * The format that the request asks for: by `format`, else what `Accept` likes best among those that there are (RFC 9110 section
 * 12.5.1). The first one is what whoever does not care gets. Throws, for 406, where none is accepted.
 */
export function chooseFormat<F extends string>(
  { headers, query }: FastifyRequest,
  mediaTypes: Readonly<Record<F, string>>,
): F {
  const wanted = (query as { format?: F }).format
  if (wanted) return wanted
  const ranges = (headers.accept?.trim() || '*/*').split(',').map(readRange)
  const names = Object.keys(mediaTypes) as F[]
  const [best] = names
    .flatMap((format) => {
      const [range] = ranges.filter(({ matches }) => matches(mediaTypes[format])).sort(byPrecision)
      return range && range.quality > 0 ? [{ format, range }] : []
    })
    .sort(({ range: a }, { range: b }) => b.quality - a.quality || byPrecision(a, b) || a.place - b.place)
  if (!best) throw new NotAcceptableError(`Accept names none of ${names.map((name) => mediaTypes[name]).join(', ')}`)
  return best.format
}

interface MediaRange {
  matches(mediaType: string): boolean
  quality: number
  /** How much it says: 2 for a type, 1 for all of a kind, 0 for anything. */
  precision: number
  place: number
}

const byPrecision = (a: MediaRange, b: MediaRange) => b.precision - a.precision

function readRange(text: string, place: number): MediaRange {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase())
  const weight = Number(parameters.find((parameter) => parameter.startsWith('q='))?.slice('q='.length) ?? 1)
  const [kind, rest] = type.split('/')
  const isAny = kind === '*' // some clients of Java write it without a slash
  return {
    matches: (mediaType) => isAny || type === mediaType || (rest === '*' && mediaType.startsWith(`${kind}/`)),
    quality: Number.isNaN(weight) ? 1 : weight,
    precision: isAny ? 0 : rest === '*' ? 1 : 2,
    place,
  }
}

/** Whether a request for a listing asks for one page of it; throws InvalidCursorError where what comes whole has a cursor. */
export function wantsPage(request: FastifyRequest): boolean {
  const { all, cursor } = request.query as { all?: boolean; cursor?: string }
  const page = formatOf(request) === 'json' && !all
  if (!page && cursor !== undefined)
    throw new InvalidCursorError('the whole listing has no pages: leave the cursor out, or ask for JSON')
  return page
}

interface Export<T> {
  /** The name of the file that it is saved as, without its ending. */
  name: string
  columns: Columns<T>
  pages: AsyncIterable<readonly T[]>
  /** What a JSON document says besides its items. */
  head?: object
}

/** Streams a whole listing. */
export function sendExport<T>(reply: FastifyReply, format: Format, { name, columns, pages, head }: Export<T>) {
  async function* chunks() {
    if (format === 'csv') yield csvHead(columns)
    if (format === 'json') yield JSON.stringify({ ...head, items: [] }).slice(0, -']}'.length)
    let separator = ''
    for await (const items of pages) {
      if (items.length === 0) continue
      if (format === 'csv') yield csvLines(columns, items)
      else if (format === 'ndjson') yield ndjsonLines(items)
      else yield separator + items.map((item) => JSON.stringify(item)).join()
      separator = ','
    }
    if (format === 'json') yield '],"next":null}'
  }
  return typed(reply, format, name).send(Readable.from(chunks(), { objectMode: false }))
}

/** Sends a listing that is in memory as CSV or NDJSON. */
export const sendWhole = <T>(
  reply: FastifyReply,
  format: Exclude<Format, 'json'>,
  { name, columns, items }: Pick<Export<T>, 'name' | 'columns'> & { items: readonly T[] },
) =>
  typed(reply, format, name).send(format === 'csv' ? csvHead(columns) + csvLines(columns, items) : ndjsonLines(items))

const typed = (reply: FastifyReply, format: Format, name: string) =>
  asFile(reply, `${name}.${format}`).type(`${formats[format]}; charset=utf-8`).header('vary', 'accept')

/** Names the file that an answer is saved as. */
export const asFile = (reply: FastifyReply, name: string): FastifyReply =>
  reply.header('content-disposition', `attachment; filename="${name}"`)
