import { describe, expect, test } from 'vitest'
import { findCycles } from '../support/cycles.ts'
import { type Import, importsOf, readSources, type Source } from '../support/sources.ts'

/** What each layer may import besides itself. A longer path is a stricter layer inside its parent. */
const mayImport: Record<string, readonly string[]> = {
  encoding: [],
  runtime: [],
  domain: ['encoding'],
  'domain/protocols': ['domain'],
  probes: ['domain', 'runtime', 'encoding'],
  policies: ['domain', 'encoding'],
  report: ['domain', 'encoding'],
  store: ['domain', 'runtime', 'encoding'],
  operations: ['domain', 'policies', 'probes', 'store', 'report', 'runtime', 'encoding'],
  jobs: ['store', 'domain', 'runtime'],
  api: ['domain', 'policies', 'report', 'operations', 'store', 'runtime', 'encoding'],
  console: ['domain/policy/differences.ts', 'domain/targets.ts'], // runs in the browser: what it shares beside this are types
  telemetry: ['domain'],
  config: ['domain', 'encoding', 'probes/network'], // the code that enforces a network range also reads it
}
/** Layers of which a layer may import types and nothing else. */
const mayImportTypes: Record<string, readonly string[]> = {
  console: ['api/routes', 'api/http/problems.ts', 'domain'],
  telemetry: ['store'],
  config: ['store'],
}

/** The composition: each may import every layer and those before it in this list. */
const composition = ['app', 'cli', 'main.ts']

/** What domain may use of the world; packages are an exception each. */
const pure: readonly { from: RegExp; names?: readonly string[] }[] = [
  { from: /^typebox(\/.+)?$/ },
  { from: /^node:net$/, names: ['isIP', 'isIPv4', 'isIPv6'] },
  { from: /^node:crypto$/, names: ['createHash', 'createHmac'] },
]

/** What only one layer knows. */
const confined: readonly { what: string; pattern: RegExp; to: string; alsoIn?: readonly string[] }[] = [
  { what: 'SQL', pattern: /\$(queryRaw|executeRaw)|Prisma\.sql/, to: 'store' },
  { what: 'the generated client', pattern: /generated\//, to: 'store' },
  { what: 'PostgreSQL', pattern: /from ['"](pg|@prisma\/.*)['"]/, to: 'store' },
  { what: 'Prometheus', pattern: /from ['"]@prometheus-io\/client['"]/, to: 'telemetry' },
  { what: 'OpenTelemetry', pattern: /['"]@opentelemetry\//, to: 'telemetry' },
  { what: 'the queue', pattern: /from ['"]pg-boss['"]/, to: 'jobs' },
  {
    what: 'dialling',
    pattern: /from ['"](node:(tls|dgram|dns.*|https?)|ldapts|undici)['"]/,
    to: 'probes',
    alsoIn: [
      'cli/agent/server.ts', // from an agent to its server
      'api/http/listener.ts', // listens only
      'store/db/tls-options.ts', // reads the roots of the system
      'telemetry/listener.ts', // listens only
      'operations/webhooks/delivery/http-client.ts', // HTTP over connections that the gate of probes has made
    ],
  },
]
const impure = /\b(Date\.now|new Date\(\)|Math\.random|performance\.|process\.|setTimeout|setInterval|fetch\()/

/** Files whose dynamic import has a name that is known only at run time. */
const computedImports = ['store/db/embedded/binaries.ts']

const isIn = (path: string, layer: string) => path === layer || path.startsWith(`${layer}/`)

/** The layer of a path: the longest that the tables name, else its first folder. */
const layerOf = (path: string): string =>
  [...Object.keys(mayImport), ...composition]
    .filter((layer) => isIn(path, layer))
    .reduce((longest, layer) => (layer.length > longest.length ? layer : longest), path.split('/')[0] ?? '')

function mayUse(layer: string, path: string, { typesOnly }: Import): boolean {
  if (isIn(path, layer)) return true
  if (composition.includes(layer)) {
    const rank = composition.indexOf(layerOf(path))
    return rank < composition.indexOf(layer)
  }
  const allowed = [...(mayImport[layer] ?? []), ...((typesOnly && mayImportTypes[layer]) || [])]
  return allowed.some((other) => isIn(path, other)) || (layer === 'domain' && layerOf(path) === 'domain/protocols')
}

function violations(source: Source): string[] {
  const { path, text } = source
  const layer = layerOf(path)
  const isDomain = isIn(path, 'domain')
  const found: string[] = []
  for (const imported of importsOf(source)) {
    if (imported.path === undefined) {
      if (isDomain && !isPure(imported)) found.push(`${layer} imports ${imported.from}`)
    } else if (imported.path.startsWith('..')) {
      found.push(`${layer} imports ${imported.from}, outside src`)
    } else if (!mayUse(layer, imported.path, imported)) {
      found.push(`${layer} imports ${layerOf(imported.path)}`)
    }
  }
  if (/\bimport\s*\(\s*[^'"\s]/.test(text) && !computedImports.includes(path)) found.push('a computed import')
  for (const { what, pattern, to, alsoIn } of confined) {
    if (layer !== to && !alsoIn?.includes(path) && pattern.test(text)) found.push(`${layer} knows ${what}`)
  }
  if (isDomain && impure.test(text)) found.push(`domain uses ${impure.exec(text)?.[0]}`)
  return found
}

function isPure({ from, names }: Import): boolean {
  const exception = pure.find((candidate) => candidate.from.test(from))
  if (!exception?.names) return exception !== undefined
  const imported = /^\{(.*)\}$/s
    .exec(names.trim())?.[1]
    ?.split(',')
    .map((name) => name.trim().replace(/^type /, ''))
  return imported?.every((name) => name === '' || exception.names?.includes(name)) ?? false
}

describe('the sources', () => {
  const all = readSources()

  test('are all in a known layer', () => {
    const known = [...Object.keys(mayImport), ...composition]
    expect(all.map(({ path }) => path).filter((path) => !known.includes(layerOf(path)))).toEqual([])
    expect(all.length).toBeGreaterThan(60)
  })

  test('import only what their layer may', () => {
    const found = all.flatMap((source) => violations(source).map((violation) => `${source.path}: ${violation}`))
    expect(found).toEqual([])
  })
})

describe('cycles of imports', () => {
  test('there are none, imports of types included', () => {
    const imports = new Map(
      readSources().map((source) => [source.path, importsOf(source).flatMap(({ path }) => path ?? [])]),
    )
    expect(findCycles(imports).map((cycle) => cycle.join(' → '))).toEqual([])
  })

  test.each([
    ['a chain', { a: ['b'], b: ['c'] }, []],
    ['a diamond', { a: ['b', 'c'], b: ['d'], c: ['d'] }, []],
    ['a file that imports itself', { a: ['a'] }, [['a', 'a']]],
    ['two files', { a: ['b'], b: ['a'] }, [['a', 'b', 'a']]],
    ['a long way round', { a: ['b'], b: ['c'], c: ['d', 'e'], d: [], e: ['b'] }, [['b', 'c', 'e', 'b']]],
    [
      'two cycles apart',
      { a: ['b'], b: ['a', 'c'], c: ['d'], d: ['c'] },
      [
        ['c', 'd', 'c'],
        ['a', 'b', 'a'],
      ],
    ],
  ])('are found in %s', (_name, imports: Record<string, string[]>, cycles) => {
    expect(findCycles(new Map(Object.entries(imports)))).toEqual(cycles)
  })
})

describe('the check itself', () => {
  test.each([
    ['domain/a.ts', `import { readFile } from 'node:fs/promises'`, 'domain imports node:fs/promises'],
    ['domain/a.ts', `import { connect } from 'node:net'`, 'domain imports node:net'],
    ['domain/a.ts', `import { isIP, connect } from 'node:net'`, 'domain imports node:net'],
    ['domain/a.ts', `import net from 'node:net'`, 'domain imports node:net'],
    ['domain/a.ts', `import * as crypto from 'node:crypto'`, 'domain imports node:crypto'],
    ['domain/a.ts', `import type { Stores } from '../store/db/stores.ts'`, 'domain imports store'],
    ['domain/a.ts', `export * from '../probes/tcp/probe.ts'`, 'domain imports probes'],
    ['domain/a.ts', `type X = import('../operations/plan.ts').X`, 'domain imports operations'],
    ['domain/a.ts', `const x = await import("../operations/plan.ts")`, 'domain imports operations'],
    ['domain/a.ts', `import '../app/app.ts'`, 'domain imports app'],
    ['domain/a.ts', 'const at = Date.now()', 'domain uses Date.now'],
    ['domain/protocols/a.ts', 'const at = new Date()', 'domain uses new Date()'],
    ['domain/protocols/a.ts', `import { x } from '../../encoding/csv.ts'`, 'domain/protocols imports encoding'],
    ['domain/protocols/a.ts', `import { connect } from 'node:net'`, 'domain/protocols imports node:net'],
    ['probes/tcp/a.ts', `import {\n  judge,\n} from '../../policies/load.ts'`, 'probes imports policies'],
    ['probes/tcp/a.ts', `import { config } from '../../config/index.ts'`, 'probes imports config'],
    [
      'probes/tcp/a.ts',
      `import { x } from '../../../test/support/ports.ts'`,
      'probes imports ../../../test/support/ports.ts, outside src',
    ],
    ['operations/plan.ts', `import type { x } from '../jobs/queue.ts'`, 'operations imports jobs'],
    ['operations/plan.ts', 'db.$queryRaw`SELECT 1`', 'operations knows SQL'],
    [
      'operations/plan.ts',
      `import { PrismaClient } from '../store/generated/client.ts'`,
      'operations knows the generated client',
    ],
    ['jobs/a.ts', `import type { x } from '../operations/context.ts'`, 'jobs imports operations'],
    ['telemetry/a.ts', `import { x } from '../store/db/stores.ts'`, 'telemetry imports store'],
    ['config/a.ts', `import { x } from '../probes/ldap/credentials.ts'`, 'config imports probes'],
    ['api/routes/x.ts', `import { observe } from '../../probes/observe.ts'`, 'api imports probes'],
    ['app/a.ts', 'database.db.$executeRaw`SELECT 1`', 'app knows SQL'],
    ['app/a.ts', `import { x } from '../cli/table.ts'`, 'app imports cli'],
    ['console/a.tsx', `import { judge } from '../domain/findings/judge.ts'`, 'console imports domain'],
    ['console/a.tsx', `import type { x } from '../store/db/stores.ts'`, 'console imports store'],
    ['api/a.ts', `import type { x } from '../console/api/client.ts'`, 'api imports console'],
    ['cli/audit.ts', `import pg from 'pg'`, 'cli knows PostgreSQL'],
    ['cli/audit.ts', `import '../main.ts'`, 'cli imports main.ts'],
    ['store/x.ts', `import { PgBoss } from 'pg-boss'`, 'store knows the queue'],
    ['api/x.ts', `import { connect } from 'node:tls'`, 'api knows dialling'],
    ['store/x.ts', 'await import(name)', 'a computed import'],
  ])('finds in %s: %j', (path, text, violation) => {
    expect(violations({ path, text: `${text}\n` })).toContain(violation)
  })

  test.each([
    ['domain/a.ts', `import { Type } from 'typebox'\nimport { Value } from 'typebox/value'`],
    ['domain/a.ts', `import { createHash } from 'node:crypto'\nimport { isIP, isIPv4 } from 'node:net'`],
    ['domain/a.ts', `import { b } from './b.ts'\nconst at = new Date(0)`],
    ['domain/a.ts', `import { b } from './protocols/table.ts'`],
    ['domain/protocols/a.ts', `import { b } from '../findings/judge.ts'\nimport { c } from './c.ts'`],
    ['operations/a.ts', `import { judge } from '../domain/findings/judge.ts'\nimport { v7 } from 'uuid'`],
    ['telemetry/a.ts', `import type { Stores } from '../store/db/stores.ts'`],
    ['config/a.ts', `import { parseAllow } from '../probes/network/egress-policy.ts'`],
    ['api/routes/a.ts', `import { x } from '../schemas.ts'\nimport type { y } from '../../operations/context.ts'`],
    ['console/a.tsx', `import type { Audit } from '../api/routes/audits/schemas.ts'\nimport { h } from 'preact'`],
    ['cli/a.ts', `import { x } from '../config/index.ts'\nimport { y } from '../app/app.ts'`],
    ['main.ts', `import { x } from './config/index.ts'\nimport { y } from './app/app.ts'`],
  ])('lets pass in %s: %j', (path, text) => {
    expect(violations({ path, text })).toEqual([])
  })
})
