import type { TSchema } from 'typebox'
import { describe, expect, test } from 'vitest'
import { reasonCodes } from '../../../src/domain/findings/reasons.ts'
import { sharedReasons } from '../../../src/domain/findings/shared-reasons.ts'
import { Expectation } from '../../../src/domain/policy/policy.ts'
import { anyProtocols, groupNames, protocolNames } from '../../../src/domain/protocols/index.ts'
import type { AnyProtocol } from '../../../src/domain/protocols/protocol.ts'

const all = protocolNames.map((name): [string, AnyProtocol] => [name, anyProtocols[name]])
const repeated = (names: readonly string[]) => names.filter((name, index) => names.indexOf(name) !== index)
/** The different schemas of each name. */
const schemasByName = (entries: [string, TSchema][]) =>
  new Map(
    [...Map.groupBy(entries, ([name]) => name)].map(([name, of]) => [name, new Set(of.map(([, schema]) => schema))]),
  )

/** The schema of a fact, by its path. */
function factAt(schema: TSchema, path: string): unknown {
  return path
    .split('/')
    .reduce<unknown>((part, name) => (part as { properties?: Record<string, unknown> })?.properties?.[name], schema)
}

describe('the table of protocols', () => {
  test('names each descriptor as the descriptor names itself', () => {
    expect(all.map(([name]) => name)).toEqual(all.map(([, protocol]) => protocol.name))
  })

  test('has each reason once, in one protocol or in the shared list', () => {
    const claimed = [...Object.keys(sharedReasons), ...all.flatMap(([, { reasons }]) => Object.keys(reasons))]
    expect(repeated(claimed)).toEqual([])
    expect(claimed).toEqual(reasonCodes)
  })

  test('has each module of /probe once', () => {
    expect(repeated(all.flatMap(([, { modules }]) => Object.keys(modules)))).toEqual([])
  })

  test('gives every group of an expectation a protocol that takes it, and the same schema wherever it is taken', () => {
    const taken = all.flatMap(([, { expects }]) => Object.entries(expects))
    expect([...new Set(taken.map(([name]) => name))].sort()).toEqual([...groupNames].sort())
    expect(Object.keys(Expectation.properties).sort()).toEqual(
      ['state', 'hostAnswered', 'onlyOpen', ...groupNames].sort(),
    )
    for (const schemas of schemasByName(taken.map(([name, { schema }]) => [name, schema])).values())
      expect(schemas.size).toBe(1)
  })

  test('means the same by an option of a lease for every probe that has it', () => {
    const options = all.flatMap(([, protocol]) => Object.entries(protocol.options.properties))
    for (const [name, schemas] of schemasByName(options)) expect([name, schemas.size]).toEqual([name, 1])
  })

  test('gives a significant fact the same weight in every protocol that has it', () => {
    const listed = all.flatMap(([, { significance }]) => Object.entries(significance))
    for (const [path, of] of Map.groupBy(listed, ([name]) => name))
      expect([path, new Set(of.map(([, weight]) => weight)).size]).toEqual([path, 1])
  })
})

describe.each(all)('the descriptor of %s', (_, protocol) => {
  test('marks as significant only facts that its schema has', () => {
    for (const path of Object.keys(protocol.significance))
      expect([path, factAt(protocol.facts, path)]).not.toContain(undefined)
  })

  test('has no fact and no option that a probe must give', () => {
    expect([protocol.facts.required ?? [], protocol.options.required ?? []]).toEqual([[], []])
  })

  test('takes only options that its schema has from an expectation that demands nothing', () => {
    const options = Object.keys(protocol.optionsFor({} as never))
    expect(options.filter((name) => !(name in protocol.options.properties))).toEqual([])
  })
})
