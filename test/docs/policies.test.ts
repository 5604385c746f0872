import { describe, expect, test } from 'vitest'
import { reasonCodes } from '../../src/domain/findings/reasons.ts'
import type { Shape } from '../../src/domain/policy/shape.ts'
import { protocolNames, protocols } from '../../src/domain/protocols/index.ts'
import { policySchema } from '../../src/policies/schema.ts'
import { read } from '../support/pages.ts'

/** The fields of an object as dotted paths; those of `stop` are described elsewhere. */
function pathsOf(shape: Shape, stop: readonly string[] = [], prefix = ''): string[] {
  return Object.entries(shape.properties ?? {}).flatMap(([name, member]) => {
    const path = prefix + name
    return member.properties && !stop.includes(path) ? pathsOf(member, stop, `${path}.`) : [path]
  })
}

/** The rows of the table under a heading: the field, and all cells after it. */
function rowsUnder(heading: string): (readonly [path: string, cells: string])[] {
  const [, section = ''] = read('docs/policies.md').split(`## ${heading}\n`)
  const rows = (section.split('\n## ')[0] ?? '').matchAll(/^\| `([\w.]+)` \|(.*)\|$/gm)
  return [...rows].map(([, path = '', cells = '']) => [path, cells])
}

/** The values that a field can have, where they are listed; a list has those of its items. */
const valuesOf = (shape: Shape): unknown[] =>
  shape.enum ?? [shape.items ?? [], shape.anyOf ?? []].flat().flatMap((part) => valuesOf(part as Shape))

const at = (shape: Shape, path: string): Shape =>
  path.split('.').reduce((part, name) => part.properties?.[name] ?? {}, shape)

const document = policySchema as unknown as Shape
const rule = document.properties?.rules?.items as Shape
const parameter = Object.values(document.properties?.parameters?.patternProperties ?? {})[0] as Shape
const expectation = rule.properties?.expect as Shape
const expectations = ['expect', 'unlike.expect', 'insideWindow.expect']

describe.each([
  ['Fields of the document', document, []],
  ['Fields of a parameter', parameter, []],
  ['Fields of a rule', rule, expectations],
  ['Fields of an expectation', expectation, []],
] as const)('docs/policies.md, %s', (heading, shape, stop) => {
  const rows = rowsUnder(heading)

  test('has every field of the JSON Schema, and no other', () => {
    const paths = pathsOf(shape, stop)
    expect(paths.length).toBeGreaterThan(4)
    expect(rows.map(([path]) => path).toSorted()).toEqual(paths.toSorted())
  })

  test('marks the required fields', () => {
    const required = rows.filter(([, cells]) => cells.startsWith(' yes |'))
    expect(required.map(([path]) => path).toSorted()).toEqual([...(shape.required ?? [])].toSorted())
  })

  test('names every value that a field can have', () => {
    const missing = rows.flatMap(([path, cells]) =>
      valuesOf(at(shape, path)).flatMap((value) => (cells.includes(`\`${value}\``) ? [] : [`${path}: ${value}`])),
    )
    expect(missing).toEqual([])
  })
})

test('docs/policies.md names for each group of an expectation the protocols that take it', () => {
  const wrong = rowsUnder('Fields of an expectation').flatMap(([path, cells]) => {
    const protocolsOfField = protocolNames.filter((name) => (path.split('.')[0] ?? '') in protocols[name].expects)
    const written = cells.split('|')[0]?.trim()
    return written === (protocolsOfField.join(', ') || 'any') ? [] : [`${path}: ${protocolsOfField.join(', ')}`]
  })
  expect(wrong).toEqual([])
})

test('docs/policies.md, States, has every reason of a connection that an ICMP message ended', () => {
  const [, section = ''] = read('docs/policies.md').split('## States\n')
  const [states = ''] = section.split('\n## ')
  const codes = reasonCodes.filter((code) => code.startsWith('icmp-') || code.endsWith('-unreachable'))
  expect(codes.length).toBeGreaterThan(4)
  expect(codes.filter((code) => !states.includes(`\`${code}\``))).toEqual([])
})
