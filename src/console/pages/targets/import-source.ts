/** A document of targets, as the API takes it. */
export interface ImportSource {
  type: 'text/csv' | 'application/x-ndjson' | 'application/xml'
  data: Blob | string
  /** What it is, in words. */
  sentence: string
}

/** Reads a document by its name and its beginning: JSON becomes a line for each target, so that line numbers count targets. */
export async function readImport(file: Blob & { name?: string }): Promise<ImportSource> {
  const start = (await file.slice(0, 4096).text()).replace(/^\uFEFF/, '').trimStart()
  const size = `${Math.max(1, Math.round(file.size / 1024)).toLocaleString('en')} kB`
  const what = (format: string) => `${file.name ?? 'The text'} is read as ${format}, ${size}.`
  if (/\.csv$/i.test(file.name ?? '')) return { type: 'text/csv', data: file, sentence: what('CSV') }
  if (start.startsWith('<')) return { type: 'application/xml', data: file, sentence: what('the XML of nmap') }
  if (start.startsWith('[') || /\.json$/i.test(file.name ?? ''))
    return {
      type: 'application/x-ndjson',
      data: linesOf(await file.text()),
      sentence: `${what('JSON')} Line numbers count its targets.`,
    }
  if (start.startsWith('{')) return { type: 'application/x-ndjson', data: file, sentence: what('NDJSON') }
  return { type: 'text/csv', data: file, sentence: what('CSV') }
}

/** A JSON array, or an object with `items` as exports have it, with one target in a line. Throws SyntaxError. */
function linesOf(text: string): string {
  const value: unknown = JSON.parse(text)
  const items = Array.isArray(value) ? value : (value as { items?: unknown } | null)?.items
  return (Array.isArray(items) ? items : [value]).map((item) => `${JSON.stringify(item)}\n`).join('')
}
