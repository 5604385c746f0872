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

const exportPage = 5_000

/** Streams a whole listing; memory holds one page of it. */
export function sendExport<T>(
  reply: FastifyReply,
  format: Exclude<Format, 'json'>,
  {
    columns,
    fetchPage,
  }: { columns: Columns<T>; fetchPage: (options: { cursor?: string; limit: number }) => Promise<Page<T>> },
): FastifyReply {
  async function* chunks() {
    if (format === 'csv') yield csvHead(columns)
    for await (const items of eachPage((cursor) => fetchPage({ cursor, limit: exportPage }))) {
      if (items.length > 0) yield format === 'csv' ? csvLines(columns, items) : ndjsonLines(items)
    }
  }
  return reply.type(`${formats[format]}; charset=utf-8`).send(Readable.from(chunks(), { objectMode: false }))
}
