import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'

const src = join(import.meta.dirname, '..', '..', 'src')

interface Source {
  /** Relative to src. */
  path: string
  text: string
}

/** The table of DESIGN.md: what each layer may import besides itself. */
const mayImport: Record<string, readonly string[]> = {
  domain: [],
  probes: ['domain'],
  report: ['domain'],
  policies: ['domain'],
  store: ['domain'],
  audit: ['domain', 'policies', 'probes', 'store'],
  notify: ['domain', 'report', 'store'],
  fleet: ['domain', 'store', 'audit', 'notify'],
  telemetry: ['domain', 'store'],
  api: ['domain', 'policies', 'store', 'audit', 'fleet', 'notify', 'report'],
  // Not a layer: it names and checks what it passes on.
  'config.ts': [
    'config-ledger.ts',
    'config-listening.ts',
    'config-places.ts',
    'config-tokens.ts',
    'config-values.ts',
    'config-webhooks.ts',
  ],
  'config-ledger.ts': ['config-values.ts', 'domain'],
  'config-listening.ts': ['config-values.ts', 'domain'],
  'config-places.ts': ['config-values.ts', 'domain', 'probes'],
  'config-tokens.ts': ['config-values.ts', 'domain'],
  'config-values.ts': [],
  'config-webhooks.ts': ['config-places.ts', 'config-values.ts', 'probes'],
  'log.ts': ['domain'],
  'readiness.ts': ['domain', 'fleet', 'store'],
}
/** These wire the others. */
const mayImportAnything = ['app.ts', 'main.ts', 'cli']

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
  { what: 'Prometheus', pattern: /from ['"]prom-client['"]/, to: 'telemetry' },
  { what: 'OpenTelemetry', pattern: /['"]@opentelemetry\//, to: 'telemetry' },
  { what: 'the queue', pattern: /from ['"]pg-boss['"]/, to: 'fleet' },
  {
    what: 'dialling',
    pattern: /from ['"](node:(tls|dgram|dns.*|https?)|ldapts)['"]/,
    to: 'probes',
    alsoIn: [
      'cli/agent/server.ts', // the way from an agent to its server
      'api/listener.ts', // listens, and dials nobody
      'telemetry/listener.ts', // listens, and dials nobody
      'notify/post.ts', // HTTP over connections that the gate of probes has made
    ],
  },
]
const impure = /\b(Date\.now|new Date\(\)|Math\.random|performance\.|process\.|setTimeout|setInterval|fetch\()/

/** Files whose dynamic import has a name that is known only when it runs. */
const computedImports = ['store/embedded/binaries.ts']

// It finds more than imports rather than less: a text that looks like one is told, and can be written otherwise.
const importPattern =
  /(?:\b(?:import|export)\s+(?:type\s+)?([^;'"`]*?)\s*\bfrom|\bimport\s*\(|\bimport|\brequire\s*\()\s*['"`]([^'"`]+)['"`]/g

function violations({ path, text }: Source): string[] {
  const layer = layerOf(path)
  const found: string[] = []
  for (const [, names = '', from = ''] of text.matchAll(importPattern)) {
    const target = from.startsWith('.') ? layerOf(join(dirname(path), from)) : undefined
    if (target === undefined) {
      if (layer === 'domain' && !isPure(from, names)) found.push(`domain imports ${from}`)
    } else if (target.startsWith('..')) {
      found.push(`${layer} imports ${from}, outside src`)
    } else if (!mayImportAnything.includes(layer) && target !== layer && !mayImport[layer]?.includes(target)) {
      found.push(`${layer} imports ${target}`)
    }
  }
  if (/\bimport\s*\(\s*[^'"\s]/.test(text) && !computedImports.includes(path)) found.push('a computed import')
  for (const { what, pattern, to, alsoIn } of confined) {
    if (layer !== to && !alsoIn?.includes(path) && pattern.test(text)) found.push(`${layer} knows ${what}`)
  }
  if (layer === 'domain' && impure.test(text)) found.push(`domain uses ${impure.exec(text)?.[0]}`)
  return found
}

const layerOf = (path: string) => path.split('/')[0] ?? ''

function isPure(from: string, names: string): boolean {
  const exception = pure.find((candidate) => candidate.from.test(from))
  if (!exception?.names) return exception !== undefined
  const imported = /^\{(.*)\}$/s
    .exec(names.trim())?.[1]
    ?.split(',')
    .map((name) => name.trim().replace(/^type /, ''))
  return imported?.every((name) => name === '' || exception.names?.includes(name)) ?? false
}

function sources(): Source[] {
  const files = readdirSync(src, { recursive: true, withFileTypes: true })
  return files
    .filter((file) => file.isFile() && file.name.endsWith('.ts'))
    .map((file) => relative(src, join(file.parentPath, file.name)))
    .filter((path) => !path.startsWith('store/generated/'))
    .map((path) => ({ path, text: readFileSync(join(src, path), 'utf8') }))
}

describe('the sources', () => {
  const all = sources()

  test('are all in a layer of DESIGN.md', () => {
    const known = [...Object.keys(mayImport), ...mayImportAnything]
    expect(all.map(({ path }) => path).filter((path) => !known.includes(layerOf(path)))).toEqual([])
    expect(all.length).toBeGreaterThan(60)
  })

  test('import only what their layer may', () => {
    const told = all.flatMap((source) => violations(source).map((violation) => `${source.path}: ${violation}`))
    expect(told).toEqual([])
  })
})

describe('the check itself', () => {
  test.each([
    ['domain/a.ts', `import { readFile } from 'node:fs/promises'`, 'domain imports node:fs/promises'],
    ['domain/a.ts', `import { connect } from 'node:net'`, 'domain imports node:net'],
    ['domain/a.ts', `import { isIP, connect } from 'node:net'`, 'domain imports node:net'],
    ['domain/a.ts', `import net from 'node:net'`, 'domain imports node:net'],
    ['domain/a.ts', `import * as crypto from 'node:crypto'`, 'domain imports node:crypto'],
    ['domain/a.ts', `import type { Stores } from '../store/stores.ts'`, 'domain imports store'],
    ['domain/a.ts', `export * from '../probes/tcp.ts'`, 'domain imports probes'],
    ['domain/a.ts', `type X = import('../audit/plan.ts').X`, 'domain imports audit'],
    ['domain/a.ts', `const x = await import("../audit/plan.ts")`, 'domain imports audit'],
    ['domain/a.ts', `import '../app.ts'`, 'domain imports app.ts'],
    ['domain/a.ts', 'const at = Date.now()', 'domain uses Date.now'],
    ['domain/a.ts', 'const at = new Date()', 'domain uses new Date()'],
    ['probes/tcp.ts', `import {\n  judge,\n} from '../policies/load.ts'`, 'probes imports policies'],
    ['probes/tcp.ts', `import { config } from '../config.ts'`, 'probes imports config.ts'],
    [
      'probes/tcp.ts',
      `import { x } from '../../test/support/ports.ts'`,
      'probes imports ../../test/support/ports.ts, outside src',
    ],
    ['audit/plan.ts', `import { x } from '../fleet/queue.ts'`, 'audit imports fleet'],
    ['audit/plan.ts', 'db.$queryRaw`SELECT 1`', 'audit knows SQL'],
    [
      'audit/plan.ts',
      `import { PrismaClient } from '../store/generated/client.ts'`,
      'audit knows the generated client',
    ],
    ['api/routes/x.ts', `import { observe } from '../../probes/observe.ts'`, 'api imports probes'],
    ['app.ts', 'database.db.$executeRaw`SELECT 1`', 'app.ts knows SQL'],
    ['cli/audit.ts', `import pg from 'pg'`, 'cli knows PostgreSQL'],
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
    ['audit/a.ts', `import { judge } from '../domain/judge.ts'\nimport { v7 } from 'uuid'`],
    ['api/routes/a.ts', `import { x } from '../schemas.ts'\nimport type { y } from '../../fleet/queue.ts'`],
    ['cli/a.ts', `import { x } from '../config.ts'\nimport { y } from '../app.ts'`],
  ])('lets pass in %s: %j', (path, text) => {
    expect(violations({ path, text })).toEqual([])
  })
})
