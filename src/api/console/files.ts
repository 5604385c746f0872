import { createHash } from 'node:crypto'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import type { Coding } from '../http/content-coding.ts'

/** A file of the built console, as it is sent. */
export interface ConsoleFile {
  type: string
  /** Strong, of the content without a coding. */
  etag: string
  /** Whether its name changes with its content. */
  isHashed: boolean
  plain: Buffer
  /** Absent where it saves nothing. */
  coded: Partial<Record<Coding, Buffer>>
}

export interface ConsoleFiles {
  /** The page that every path below /ui/ without a file gets. */
  shell: ConsoleFile
  /** By path below /ui/. */
  files: ReadonlyMap<string, ConsoleFile>
}

const types: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
}
const endings: Record<Coding, string> = { br: '.br', gzip: '.gz' }

/** Vite puts the files with a hash in their names into this folder. */
export const hashedFolder = 'assets/'

/** Reads the built console into memory; undefined if it was not built. `pathPrefix` is that of the service at its public URL. */
export function readConsole(directory: string, pathPrefix: string): ConsoleFiles | undefined {
  if (!existsSync(join(directory, 'index.html'))) return undefined
  const compressed = Object.values(endings)
  const paths = globSync('**/*.*', { cwd: directory }).filter(
    (path) => !path.startsWith('.') && path !== 'index.html' && !compressed.includes(extname(path)),
  )
  return {
    shell: shellOf(readFileSync(join(directory, 'index.html'), 'utf8'), pathPrefix),
    files: new Map(paths.map((path) => [path, read(directory, path)])),
  }
}

function read(directory: string, path: string): ConsoleFile {
  const file = join(directory, path)
  const coded = Object.entries(endings).flatMap(([coding, ending]) =>
    existsSync(file + ending) ? [[coding, readFileSync(file + ending)] as const] : [],
  )
  return describe(path, readFileSync(file), Object.fromEntries(coded))
}

/** The page is served at every depth below /ui/, so its relative links become absolute. */
function shellOf(html: string, pathPrefix: string): ConsoleFile {
  const plain = Buffer.from(html.replaceAll(/\b(href|src)="(?:\.|\/ui)\//g, `$1="${pathPrefix}/ui/`))
  return describe('index.html', plain, { br: brotliCompressSync(plain), gzip: gzipSync(plain) })
}

const describe = (path: string, plain: Buffer, coded: ConsoleFile['coded']): ConsoleFile => ({
  type: types[extname(path)] ?? 'application/octet-stream',
  etag: createHash('sha256').update(plain).digest('hex').slice(0, 32),
  isHashed: path.startsWith(hashedFolder),
  plain,
  coded,
})
