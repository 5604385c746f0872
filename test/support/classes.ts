import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { importsOf } from './sources.ts'

const root = join(import.meta.dirname, '../..')
const outside = /^node:(child_process|cluster|dgram|https?|http2|net|tls)$/
const pureNames = /^\{(\s*(isIP|isIPv4|isIPv6|type \w+)\s*,?)+\}$/

const importStatement = /^(import|export)\b[^'"`]*'[^']+'/gm

const reaching = new Map<string, boolean>()

/** Whether a file of test/, or what it imports from test/, can start a process or open a socket; the database is one. */
function reachesOutside(file: string): boolean {
  const known = reaching.get(file)
  if (known !== undefined) return known
  reaching.set(file, false) // ends a cycle
  const statements = readFileSync(join(root, file), 'utf8').match(importStatement) ?? [] // not the samples of other tests
  const imports = importsOf({ path: file, text: statements.join('\n') })
  const reaches = imports.some(({ from, path, names, typesOnly }) => {
    if (typesOnly) return false
    return files.has(path ?? '') ? reachesOutside(path ?? '') : outside.test(from) && !pureNames.test(names)
  })
  reaching.set(file, reaches)
  return reaches
}

const files = new Set(globSync('test/**/*.ts', { cwd: root }))
const tests = [...files].filter((file) => file.endsWith('.test.ts'))

/**
 * The tests by class. A name that ends in `.slow.test.ts` marks long corpora, soak and survival runs, which only
 * `npm run test:full` runs; of the others, those without sockets and processes are unit tests.
 */
export const testFiles = {
  slow: tests.filter((file) => file.endsWith('.slow.test.ts')),
  unit: tests.filter((file) => !file.endsWith('.slow.test.ts') && !reachesOutside(file)),
  integration: tests.filter((file) => !file.endsWith('.slow.test.ts') && reachesOutside(file)),
}
