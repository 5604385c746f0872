import { createHash } from 'node:crypto'
import { Zip, ZipDeflate } from 'fflate'

export interface ZipEntry {
  name: string
  content: AsyncIterable<string> | Iterable<string>
}

/** A file of a zip as it was written. */
export interface WrittenFile {
  name: string
  bytes: number
  sha256: string
}

// Times in a zip are local ones and would tell the zone of the writer; this is the first day that a zip knows.
const firstDay = () => new Date(1980, 0, 1)
const most = 2 ** 32 - 1

/**
 * Writes a zip in pieces: the same content in the same pieces gives the same bytes, and memory holds a piece. `written` is
 * told of each file before the next entry is asked for. Throws where a file or the whole reaches 4 GiB, which needs Zip64.
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
  if (bytes > most) throw new Error('a zip without Zip64 holds less than 4 GiB')
  return bytes
}
