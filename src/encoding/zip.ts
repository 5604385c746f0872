import { createHash } from 'node:crypto'
import { Zip, ZipDeflate } from 'fflate'

export interface ZipEntry {
  name: string
  content: AsyncIterable<string> | Iterable<string>
}

/** A file in a zip. */
export interface WrittenFile {
  name: string
  bytes: number
  sha256: string
}

// The earliest time; real ones would reveal the time zone.
const firstDay = () => new Date(1980, 0, 1)
const maxBytes = 2 ** 32 - 1

/**
 * Streams a zip; equal content in equal pieces gives equal bytes. Calls `written` after each file, before it reads the next
 * entry. Throws when a file or the whole reaches 4 GiB, which needs Zip64.
 */
export async function* renderZip(
  entries: AsyncIterable<ZipEntry>,
  written: (file: WrittenFile) => void,
): AsyncGenerator<Uint8Array> {
  const ready: Uint8Array[] = []
  let size = 0
  const zip = new Zip((error, piece) => {
    if (error) throw error
    size = limited(size + piece.length)
    ready.push(piece)
  })
  for await (const { name, content } of entries) {
    const file = new ZipDeflate(name)
    file.mtime = firstDay()
    zip.add(file)
    const hash = createHash('sha256')
    let bytes = 0
    for await (const text of content) {
      const piece = Buffer.from(text)
      hash.update(piece)
      bytes = limited(bytes + piece.length)
      file.push(piece)
      yield* ready.splice(0)
    }
    file.push(new Uint8Array(0), true)
    written({ name, bytes, sha256: hash.digest('hex') })
  }
  zip.end()
  yield* ready.splice(0)
}

function limited(bytes: number): number {
  if (bytes > maxBytes) throw new Error('a zip without Zip64 holds less than 4 GiB')
  return bytes
}
