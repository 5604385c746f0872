import { type FileHandle, mkdir, open, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { v7 as newUuid } from 'uuid'

/** Values in an unlinked file, which ends with the process. */
export interface Spool<T> {
  add(value: T): Promise<void>
  /** All of them in their order, up to `size` at a time. */
  lists(size: number): AsyncGenerator<T[]>
  close(): Promise<void>
}

/** Characters of a list, beyond which it has fewer values. */
const listLength = 1024 * 1024
const flushAt = 64 * 1024

/** `claim` is called before bytes are stored, and may throw. */
export async function openSpool<T>(directory: string, claim: (bytes: number) => void): Promise<Spool<T>> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const path = join(directory, `spool-${newUuid()}`)
  const file = await open(path, 'wx+', 0o600)
  await unlink(path)
  let waiting = ''
  const flush = async () => {
    const text = waiting
    waiting = ''
    claim(Buffer.byteLength(text))
    if (text !== '') await file.appendFile(text) // write() may leave a rest, and says so with a number
  }
  return {
    async add(value) {
      waiting += `${lineOf(value)}\n`
      if (waiting.length > flushAt) await flush()
    },
    async *lists(size) {
      await flush()
      yield* listsOf<T>(file, size)
    },
    close: () => file.close(),
  }
}

// readLines takes U+2028 and U+2029 for line ends as well.
const lineOf = (value: unknown) =>
  JSON.stringify(value).replace(/[\u2028\u2029]/g, (end) => (end === '\u2028' ? '\\u2028' : '\\u2029'))

async function* listsOf<T>(file: FileHandle, size: number): AsyncGenerator<T[]> {
  let list: T[] = []
  let length = 0
  for await (const line of file.readLines({ start: 0, autoClose: false })) {
    list.push(JSON.parse(line) as T)
    length += line.length
    if (list.length < size && length < listLength) continue
    yield list
    list = []
    length = 0
  }
  if (list.length > 0) yield list
}
