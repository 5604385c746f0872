import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Reasons, sharedReasons } from '../../src/domain/findings/shared-reasons.ts'
import type { Shape } from '../../src/domain/policy/shape.ts'
import { anyProtocols, protocolNames } from '../../src/domain/protocols/index.ts'
import type { AnyProtocol } from '../../src/domain/protocols/protocol.ts'
import { read, root } from '../support/pages.ts'

type Facts = Readonly<Record<string, Shape & { description?: string }>>
const factsOf = ({ facts }: AnyProtocol) => facts.properties as Facts
const tlsFacts = factsOf(anyProtocols.tls)
const isSame = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other)

const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`.replaceAll(/\| {2}(?=\|)/g, '| '))
    .join('\n')

function typeOf(shape: Shape): string {
  if (shape.enum) return shape.enum.map((value) => `\`${value}\``).join(', ')
  if (shape.type === 'array') return `list of ${shape.items?.type ?? 'values'}s`
  return String(shape.type)
}

/** A row for each fact: its path, type and description, and what a change of it means for drift. */
function rowsOf(facts: Facts, significance: AnyProtocol['significance'], prefix = ''): string[][] {
  return Object.entries(facts).flatMap(([name, shape]) => {
    const path = `${prefix}${name}`
    if (shape.properties && isSame(shape.properties, tlsFacts))
      return [[`\`${path}\``, '', 'the facts of [tls](#tls)', '']]
    if (shape.properties) return rowsOf(shape.properties as Facts, significance, `${path}.`)
    const steps = path.split('.')
    const matters = steps.map((_, index) => significance[steps.slice(0, index + 1).join('/')]).find(Boolean)
    return [[`\`${path}\``, typeOf(shape), shape.description ?? '', matters ?? '']]
  })
}

const reasonTable = (reasons: Reasons) =>
  table(
    ['code', 'about', 'message'],
    Object.entries(reasons).map(([code, { about, undecided, message }]) => [
      `\`${code}\``,
      undecided ? `${about}, undecided` : about,
      message,
    ]),
  )

function section(name: string, protocol: AnyProtocol): string {
  const facts = factsOf(protocol)
  const inherits =
    protocol !== anyProtocols.tls && Object.keys(tlsFacts).every((fact) => isSame(facts[fact], tlsFacts[fact]))
  const own = Object.fromEntries(Object.entries(facts).filter(([fact]) => !inherits || !(fact in tlsFacts)))
  const list = (names: readonly string[]) => names.map((one) => `\`${one}\``).join(', ') || 'none'
  const rows = [...(inherits ? [['', '', 'the facts of [tls](#tls)', '']] : []), ...rowsOf(own, protocol.significance)]
  return [
    `## ${name}`,
    `Default port: ${protocol.defaultPort ?? 'none'}. Groups of \`expect\`: ${list(Object.keys(protocol.expects))}. ` +
      `Modules of \`/probe\`: ${list(Object.keys(protocol.modules))}.` +
      (existsSync(join(root, `docs/protocols/${name}.md`)) ? ` [How it is probed](protocols/${name}.md).` : ''),
    rows.length > 0 ? table(['fact', 'type', 'meaning', 'change'], rows) : 'It has no facts beyond state and reason.',
    ...(Object.keys(protocol.reasons).length > 0 ? [reasonTable(protocol.reasons)] : []),
  ].join('\n\n')
}

const page = `# Protocols

Each protocol has a probe, which collects facts, and a descriptor in \`src/domain/protocols/\`, which judges them. This page lists the facts, and the
reasons that a finding can have. [Policies](policies.md#fields-of-an-expectation) describes what a rule can demand.

The column "change" states the significance of drift if the fact changes, \`notice\` or \`alert\`; an empty cell is \`info\`. The column "about" states
what a reason is about:

| about | meaning | result of the finding |
|---|---|---|
| peer | what the other side did | the rule decides |
| us | a failure of the vantage or its network | \`unknown\` |
| setup | an operator must fix something first | \`error\` |
| rule | the judgement of the rule, or the plan of the audit | the rule decides |
| rule, undecided | the facts do not decide the rule | \`unknown\` |

This page is generated: \`npx vitest run test/docs/protocols.test.ts -u\` updates it.

## Reasons of all protocols

${reasonTable(sharedReasons)}

${protocolNames.map((name) => section(name, anyProtocols[name])).join('\n\n')}
`

test('docs/protocols.md lists the facts and reasons of every protocol; `vitest -u` updates it', async () => {
  await expect(page).toMatchFileSnapshot(join(root, 'docs/protocols.md'))
})

test('docs/prometheus.md lists every module of /probe', () => {
  const rows = [...read('docs/prometheus.md').matchAll(/^\| (`[a-z_]+`(?:, `[a-z_]+`)*) \|/gm)]
  const listed = rows.flatMap(([, cell = '']) => cell.replaceAll('`', '').split(', '))
  const modules = protocolNames.flatMap((name) => Object.keys(anyProtocols[name].modules))
  expect(listed).toEqual(expect.arrayContaining(modules))
})
