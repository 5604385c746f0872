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

/** The format that the request asks for: by `format`, else by the first known type of `Accept`, else JSON. */
export function formatOf({ headers, query }: FastifyRequest): Format {
  const wanted = (query as { format?: Format }).format
  if (wanted) return wanted
  const accepted = (headers.accept ?? '').split(',').map((type) => type.split(';')[0]?.trim().toLowerCase())
  const known = accepted.flatMap((type) =>
    (Object.keys(formats) as Format[]).filter((format) => formats[format] === type),
  )
  return known[0] ?? 'json'
}

/** Whether a request for a listing asks for one page of it. */
export const wantsPage = (request: FastifyRequest): boolean =>
  formatOf(request) === 'json' && !(request.query as { all?: boolean }).all

const exportPage = 1_000

interface Export<T> {
  columns: Columns<T>
  fetchPage: (options: { cursor?: string; limit: number }) => Promise<Page<T>>
  /** What a JSON document says besides its items. */
  head?: object
}

/** Streams a whole listing; memory holds one page of it. */
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
