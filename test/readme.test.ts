import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createTestDatabase } from './support/database.ts'
import { type Block, blocksOf, root, userPages } from './support/pages.ts'
import { describeWithPeers } from './support/peers/available.ts'
import { freePorts } from './support/ports.ts'
import { run } from './support/processes.ts'
import { makeTempDir } from './support/temp-dir.ts'

const isCommand = ({ language }: Block) => language === 'bash'
/** Languages of samples: each such block shows what the block of commands before it prints. */
const isOutput = ({ language }: Block) => ['text', 'json', 'csv', 'xml'].includes(language)

/** What test/docs/operations.slow.test.ts runs, with a database that it may restore. */
const [operations, tested] = ['docs/operations.md', '\n## Backup\n']
const blocks = userPages()
  .map((page) => (page.path === operations ? { ...page, text: page.text.split(tested)[0] ?? '' } : page))
  .flatMap(blocksOf)
const where = ({ page, line }: Block) => `${page}:${line}`

test('the pages use no language of code block that a test does not know', () => {
  const help = '' // test/docs/cli.test.ts holds it
  const known = [
    help,
    'bash',
    'text',
    'json',
    'csv',
    'xml',
    'yaml',
    'sql',
    'mermaid',
    'nginx',
    'haproxy',
    'apache',
    'tsx',
  ]
  expect(blocks.filter(({ language }) => !known.includes(language)).map(where)).toEqual([])
})

test('every sample of output follows the commands that print it', () => {
  const orphans = blocks.filter((block, index) => {
    const before = blocks[index - 1]
    return isOutput(block) && !block.exemption && !(before && before.page === block.page && isCommand(before))
  })
  expect(orphans.map(where)).toEqual([])
})

test('blocks are not run or compared only where no domain controller, no Citus, no systemd and no cluster are at hand', () => {
  const exempt = blocks.filter(({ exemption }) => exemption !== undefined)
  expect(exempt.map(({ page }) => page)).toEqual(['docs/settings.md', operations, operations, 'docs/scaling.md'])
  expect(userPages().find(({ path }) => path === operations)?.text).toContain(tested)
})

/**
 * The commands as the pages type them. A request must succeed, unless `-w` prints its status. `npm ci`, `test`, `pack` and
 * `install` do nothing: this is the test, and test/packaging installs the packages. `start` and `agent` go on in the
 * background after their first line; an audit may fail.
 */
const shell = `
set -Eeuo pipefail
trap 'echo "failed: $BASH_COMMAND" >&2; out=/proc/$BASHPID/fd/1; [ ! -f $out ] || tail -c 2000 $out >&2' ERR
trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT
curl() { case " $* " in *' -w '*) command curl "$@" ;; *) command curl --fail-with-body "$@" ;; esac; }
npm() {
  local script=
  case $1 in ci | test | pack | install) return ;; esac
  while [ $# -gt 0 ] && [ "$1" != -- ]; do [[ $1 == -* ]] || script=$1; shift; done
  [ $# -eq 0 ] || shift
  case $script in
    start) serve serve "$@" ;;
    agent) serve agent "$@" ;;
    audit) portwarden audit "$@" || [ $? -eq 1 ] ;;
    *) portwarden "$script" "$@" ;;
  esac
}
portwarden() { node "${root}/src/main.ts" "$@"; }
serve() {
  local log
  if [ "\${2-}" = --help ]; then portwarden "$@"; return; fi
  log=$(mktemp)
  node "${root}/src/main.ts" "$@" >"$log" 2>&1 & # no subshell, whose end it would survive
  until grep -m1 '^Portwarden ' "$log"; do kill -0 $! || { cat "$log" >&2; return 1; }; sleep 0.05; done
  export PORT=0 # the first one has the port that the pages name
}
`

/** Dates of the pages as far from now as they are from the beginning of 2027, so that they stay right when that is over. */
const fromNow = (text: string): string =>
  text.replaceAll(/\b20\d\d-\d\d-\d\dT[\d:]+Z/g, (instant) =>
    new Date(Date.now() + Date.parse(instant) - Date.UTC(2027, 0, 1)).toISOString(),
  )

/** What differs from run to run. */
const volatile: readonly (readonly [RegExp, string])[] = [
  [/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, 'UUID'],
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, 'TIME'],
  [/"latencyMs":\d+/g, '"latencyMs":MS'],
]

function normalized(text: string, { language }: Block): string {
  const plain = volatile.reduce((result, [pattern, name]) => result.replaceAll(pattern, name), text).trim()
  return language === 'json' ? plain.replaceAll(/("(?:[^"\\]|\\.)*")|\s+/g, '$1') : plain
}

const escaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')

/** Matches a sample; `…` stands for what the sample leaves out. */
const patternOf = (sample: Block): RegExp =>
  RegExp(`^${normalized(sample.text, sample).split('…').map(escaped).join('[^]*?')}$`)

describeWithPeers(['curl', 'openssl', 'unzip', 'nmap'], 'the README and its pages', () => {
  test('have commands that work when they are pasted one after the other, and print what the samples show', {
    timeout: 600_000, // they start the service and an agent
  }, async () => {
    const database = await createTestDatabase()
    onTestFinished(database.drop)
    const directory = await makeTempDir('readme')
    onTestFinished(directory.remove)
    const [service, https, ssh] = await freePorts(3)
    const local: readonly (readonly [string, string])[] = [
      ['npm start &', 'npm start'], // it returns when the service is ready
      ['192.0.2.0/24', '127.0.0.1'],
      ['postgresql://portwarden:secret@db.example.org/portwarden', database.url],
      // From here on also in what is printed.
      ['127.0.0.1:8080', `127.0.0.1:${service}`],
      ['8443', String(https)],
      ['2222', String(ssh)],
      ['https://itsm.corp.example/hooks', 'http://127.0.0.1:9/hooks'],
      ['/srv/portwarden', directory.path],
    ]
    const localized = (text: string) => local.reduce((result, [page, here]) => result.replaceAll(page, here), text)
    const delocalized = (text: string) =>
      local.slice(3).reduce((result, [page, here]) => result.replaceAll(here, page), text)

    const typed = blocks.filter((block) => isCommand(block) && !block.exemption)
    expect(typed.length).toBeGreaterThan(20)
    const steps = typed.map(
      (block) => `{ # ${where(block)}\n${block.text}} >'${join(directory.path, where(block).replace('/', '-'))}'`,
    )
    const { code, stderr } = await run('bash', ['--norc', '-c', shell + fromNow(localized(steps.join('\n')))], {
      cwd: directory.path,
      env: {
        PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
        DATABASE_URL: database.url,
        PORT: String(service),
        TMPDIR: directory.path,
      },
    })
    expect([code, code === 0 ? '' : stderr]).toEqual([0, ''])

    const printed = (block: Block) =>
      delocalized(readFileSync(join(directory.path, where(block).replace('/', '-')), 'utf8'))
    for (const [index, sample] of blocks.entries()) {
      const commands = blocks[index - 1]
      if (!isOutput(sample) || sample.exemption || !commands) continue
      const actual = normalized(printed(commands), sample)
      expect.soft([where(sample), actual]).toEqual([where(sample), expect.stringMatching(patternOf(sample))])
    }
  })
})
