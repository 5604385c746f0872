import { expect, test } from 'vitest'
import { importsOf, readSources } from '../support/sources.ts'

const sources = new Map(readSources().map((source) => [source.path, source]))

/** What a module imports at run time, and what that imports. */
function reachedFrom(entry: string): { files: Set<string>; packages: Set<string> } {
  const files = new Set([entry])
  const packages = new Set<string>()
  for (const file of files) {
    const source = sources.get(file)
    if (!source) throw new Error(`${file} does not exist`)
    for (const { path, from, typesOnly } of importsOf(source)) {
      if (typesOnly) continue
      if (path !== undefined) files.add(path)
      else if (!from.startsWith('node:')) packages.add(from)
    }
  }
  return { files, packages }
}

test('the agent reaches no database, no API and no queue, so that its package stays small', () => {
  const { files, packages } = reachedFrom('cli/agent/main.ts')
  expect(files).toContain('cli/agent/work.ts')
  expect([...files].filter((file) => /^(store|api|jobs|report|policies|telemetry)\//.test(file))).toEqual([])
  expect([...packages].filter((name) => /prisma|^pg|fastify|undici|opentelemetry/.test(name))).toEqual([])
})
