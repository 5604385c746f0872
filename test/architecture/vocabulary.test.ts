import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { commentsOf, medianOf, wordsIn } from '../support/comments.ts'
import { readSources } from '../support/sources.ts'
import { retiredWordsIn } from '../support/vocabulary.ts'

const root = join(import.meta.dirname, '..', '..')

/** Directories and files that use the vocabulary. */
const clean = [
  'README.md',
  'SECURITY.md',
  'bench',
  'docs',
  'openapi',
  'src/api',
  'src/app',
  'src/cli',
  'src/config',
  'src/console',
  'src/domain',
  'src/encoding',
  'src/jobs',
  'src/main.ts',
  'src/operations',
  'src/policies',
  'src/probes',
  'src/report',
  'src/runtime',
  'src/store',
  'src/telemetry',
  'test',
]

/** Terms that need a retired word. */
const allowed: readonly { term: RegExp; files: RegExp; reason: string }[] = [
  { term: /realm_access|\/realms\//g, files: /./, reason: 'claims and URLs of Keycloak' },
  {
    term: /realm="portwarden"/g,
    files: /^src\/api\/http\/auth\.ts$/,
    reason: 'WWW-Authenticate, RFC 9110 section 11.5',
  },
  {
    term: /\banswers\b/g,
    files: /^src\/(domain\/protocols|policies)\/|^src\/domain\/learning\/forms|^docs\/policies\.md$/,
    reason: 'the policy format',
  },
  { term: /\banswers: (true|false|flag)\b/g, files: /^test\//, reason: 'the policy format' },
  {
    term: /'(http|ldap|kerberos|dns)\.answers'/g,
    files: /^(src|test)\/console\/pages\/(policies|findings)\//,
    reason: 'the policy format',
  },
  {
    term: /\banswered\b/g,
    files: /^src\/(domain\/protocols|probes)\/https|^docs\/protocols\.md$|^openapi\//,
    reason: 'the stored fact plainHttp.answered',
  },
  { term: /\banswered: (true|false)\b/g, files: /^test\//, reason: 'the stored fact plainHttp.answered' },
  { term: /\bhostAnswered\b/gi, files: /./, reason: 'the policy format, and the fact of evidence' },
  {
    term: /.+/g,
    files: /^test\/(architecture|support)\/vocabulary\./,
    reason: 'the list of retired words and its test',
  },
  {
    term: /.+/g,
    files: /^test\/store\/(db\/vocabulary-migration|renamed-reasons)\.test\.ts$/,
    reason: 'quoted data of older releases',
  },
  {
    term: /realms?/gi,
    files:
      /kerberos|^docs\/(policies|protocols)\.md$|^openapi\/|^src\/console\/pages\/(findings|policies)\/|^test\/(truth\/|support\/peers\/(samba-ad|mit-kdc)|probes\/fuzz\/cases|domain\/protocols\/judging)/,
    reason: 'the realm of Kerberos, RFC 4120',
  },
  {
    term: /'[a-z-]*answer[a-z-]*':/g,
    files: /^src\/domain\/findings\/reasons\.ts$/,
    reason: 'stored codes of older releases',
  },
  { term: /answers?/gi, files: /^(src|test)\/probes\/dns\//, reason: 'the answer section, RFC 1035 section 4.1' },
  { term: /\bgranted\b/g, files: /^src\/store\/db\/embedded\/session\.ts$/, reason: 'a column of pg_locks' },
]

function linesOf(path: string): { path: string; number: number; line: string }[] {
  const text = readFileSync(join(root, path), 'utf8')
  return text.split('\n').map((line, index) => ({ path, number: index + 1, line }))
}

const filesIn = (path: string): string[] =>
  /\.\w+$/.test(path)
    ? [path]
    : readdirSync(join(root, path), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => relative(root, join(entry.parentPath, entry.name)))
        .filter((file) => !file.startsWith('src/store/generated/'))

const withoutTerms = (path: string, line: string): string =>
  allowed.filter(({ files }) => files.test(path)).reduce((rest, { term }) => rest.replaceAll(term, ''), line)

test.each(clean)('%s has no retired word', (path) => {
  const found = filesIn(path)
    .flatMap(linesOf)
    .flatMap(({ path, number, line }) =>
      retiredWordsIn(withoutTerms(path, line)).map((word) => `${path}:${number}: ${word}`),
    )
  expect(found).toEqual([])
})

const maxMedian = 10

test(`the median comment of src has at most ${maxMedian} words`, () => {
  const lengths = readSources().flatMap(({ text }) => commentsOf(text).map(wordsIn))
  const median = medianOf(lengths)
  process.stdout.write(`${lengths.length} comments in src, median ${median} words\n`)
  expect(median).toBeLessThanOrEqual(maxMedian)
})

describe('the check itself', () => {
  test.each([
    ['const lookAt = shutPort', ['look', 'shut']],
    ['const MAX_DOORS = 1', ['doors']],
    ['// Nobody answers at once.', ['nobody', 'answers', 'at once']],
    ['const lookup = placeholder ?? default', []],
  ])('finds in %j: %j', (line, words) => {
    expect(retiredWordsIn(line)).toEqual(words)
  })

  test('counts the words of comments, and no others', () => {
    const text = [
      "const url = 'http://example.org' // one word",
      '/** Two words; {@link x}. */',
      '// One comment',
      '// of two lines',
      '/*',
      ' * Three more words',
      ' */',
      'const text = `/* none */`',
      '// biome-ignore lint: a directive',
    ]
    expect(commentsOf(text.join('\n')).map(wordsIn)).toEqual([2, 4, 5, 3])
  })
})
