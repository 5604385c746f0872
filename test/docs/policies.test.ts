import { expect, test } from 'vitest'
import type { Shape } from '../../src/domain/policy/shape.ts'
import { policySchema } from '../../src/policies/schema.ts'
import { read } from '../support/pages.ts'

/** The fields of an object as dotted paths; those of `stop` are described elsewhere. */
function pathsOf(shape: Shape, stop: readonly string[] = [], prefix = ''): string[] {
  return Object.entries(shape.properties ?? {}).flatMap(([name, member]) => {
    const path = prefix + name
    return member.properties && !stop.includes(path) ? pathsOf(member, stop, `${path}.`) : [path]
  })
}

/** The first cells of the table under a heading. */
function documented(heading: string): string[] {
  const [, section = ''] = read('docs/policies.md').split(`## ${heading}\n`)
  return [...(section.split('\n## ')[0] ?? '').matchAll(/^\| `([\w.]+)` \|/gm)].map(([, path = '']) => path)
}

const document = policySchema as unknown as Shape
const rule = document.properties?.rules?.items as Shape
const parameter = Object.values(document.properties?.parameters?.patternProperties ?? {})[0] as Shape
const expectations = ['expect', 'unlike.expect', 'insideWindow.expect']

test.each([
  ['Fields of the document', pathsOf(document)],
  ['Fields of a parameter', pathsOf(parameter)],
  ['Fields of a rule', pathsOf(rule, expectations)],
  ['Fields of an expectation', pathsOf(rule.properties?.expect as Shape)],
])('docs/policies.md, %s: every field of the JSON Schema, and no other', (heading, paths) => {
  expect(paths.length).toBeGreaterThan(4)
  expect(documented(heading).toSorted()).toEqual(paths.toSorted())
})

test('docs/policies.md marks the fields that are required', () => {
  for (const [heading, shape] of [
    ['Fields of the document', document],
    ['Fields of a parameter', parameter],
    ['Fields of a rule', rule],
  ] as const) {
    const [, section = ''] = read('docs/policies.md').split(`## ${heading}\n`)
    const rows = [...(section.split('\n## ')[0] ?? '').matchAll(/^\| `([\w.]+)` \| yes \|/gm)]
    expect(rows.map(([, path]) => path).toSorted()).toEqual([...(shape.required ?? [])].toSorted())
  }
})
