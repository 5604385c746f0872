import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

const src = join(import.meta.dirname, '..', '..', 'src')

export interface Source {
  /** Relative to src. */
  path: string
  text: string
}

/** Every TypeScript file of src that is not generated. */
export const readSources = (): Source[] =>
  readdirSync(src, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile() && /\.tsx?$/.test(file.name))
    .map((file) => relative(src, join(file.parentPath, file.name)))
    .filter((path) => !path.startsWith('store/generated/'))
    .map((path) => ({ path, text: readFileSync(join(src, path), 'utf8') }))

export interface Import {
  /** As written: a relative path or the name of a package. */
  from: string
  /** For a relative import: the imported path, relative to src. */
  path: string | undefined
  /** The imported names, as written. */
  names: string
  typesOnly: boolean
}

// Prefers false positives: a string in the form of an import can be written otherwise.
const importPattern =
  /(?:\b(?:import|export)\s+(type\s+)?([^;'"`]*?)\s*\bfrom|\bimport\s*\(|\bimport|\brequire\s*\()\s*['"`]([^'"`]+)['"`]/g

export const importsOf = ({ path, text }: Source): Import[] =>
  [...text.matchAll(importPattern)].map(([, type, names = '', from = '']) => ({
    from,
    path: from.startsWith('.') ? join(dirname(path), from) : undefined,
    names,
    typesOnly: type !== undefined,
  }))
