import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { type Columns, csvHead, csvLines, ndjsonLines } from '../report/tables.ts'
import { eachPage, type Page } from '../store/page.ts'

/** A listing can be read page by page as JSON, or whole as a stream of CSV or NDJSON. */
export const formats = { json: 'application/json', ndjson: 'application/x-ndjson', csv: 'text/csv' } as const
export type Format = keyof typeof formats

export const FormatQuery = {
  format: Type.Optional(
    Type.Enum(Object.keys(formats) as Format[], {
      description: 'Instead of `Accept`. `json` comes in pages; `ndjson` and `csv` stream the whole listing',
    }),
  ),
}

/** For a listing that comes in pages. */
export const ListingQuery = {
  ...FormatQuery,
  all: Type.Optional(
    Type.Boolean({ description: 'With JSON: the whole listing as one document, streamed, instead of a page' }),
  ),
}

/** The media types of a listing's 200 answer, for OpenAPI. */
export const listingContent = (page: object, item: object) => ({
  description: 'A page, or the whole listing as a stream',
  content: {
    [formats.json]: { schema: page },
    [formats.ndjson]: { schema: item },
    [formats.csv]: { schema: { type: 'string' } },
  },
})

/** The format that a request for a listing asks for. */
export const formatOf = (request: FastifyRequest): Format => chooseFormat(request, formats)

/**
 * The format that the request asks for: by `format`, else what `Accept` likes best (RFC 9110 section 12.5.1) among those that
 * there are, else JSON.
 */
export function chooseFormat<F extends string>(
  { headers, query }: FastifyRequest,
  mediaTypes: Readonly<Record<F | 'json', string>>,
): F | 'json' {
  const wanted = (query as { format?: F | 'json' }).format
  if (wanted) return wanted
  const known = new Map((Object.keys(mediaTypes) as (F | 'json')[]).map((format) => [mediaTypes[format], format]))
  const accepted = (headers.accept ?? '')
    .split(',')
    .map(readPreference)
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality)
  return accepted.flatMap(({ type }) => known.get(type) ?? [])[0] ?? 'json'
}

function readPreference(range: string): { type: string; quality: number } {
  const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
  const weight = parameters.find((parameter) => parameter.startsWith('q='))
  return { type, quality: weight === undefined ? 1 : Number(weight.slice('q='.length)) }
}

/** Whether a request for a listing asks for one page of it. */
export const wantsPage = (request: FastifyRequest): boolean =>
  formatOf(request) === 'json' && !(request.query as { all?: boolean }).all

/** Items that an export holds at once. */
export const exportPage = 2_000

interface Export<T> {
  columns: Columns<T>
  fetchPage: (options: { cursor?: string; limit: number }) => Promise<Page<T>>
  /** What a JSON document says besides its items. */
  head?: object
}

/** Streams a whole listing; memory holds two pages of it. */
export function sendExport<T>(reply: FastifyReply, format: Format, { columns, fetchPage, head }: Export<T>) {
  async function* chunks() {
    const pages = eachPage((cursor) => fetchPage({ ...(cursor ? { cursor } : {}), limit: exportPage }))
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
  return reply.type(`${formats[format]}; charset=utf-8`).send(Readable.from(chunks(), { objectMode: false }))
}

/** Sends a listing that is in memory as CSV or NDJSON. */
export const sendWhole = <T>(
  reply: FastifyReply,
  format: Exclude<Format, 'json'>,
  { columns, items }: { columns: Columns<T>; items: readonly T[] },
) =>
  reply
    .type(`${formats[format]}; charset=utf-8`)
    .send(format === 'csv' ? csvHead(columns) + csvLines(columns, items) : ndjsonLines(items))
