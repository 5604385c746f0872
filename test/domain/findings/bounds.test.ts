import type { TObject } from 'typebox'
import { describe, expect, test } from 'vitest'
import {
  boundBatch,
  boundFacts,
  maxBatchFactsSize,
  maxDeliveryValues,
  maxFactsSize,
  sizeOf,
} from '../../../src/domain/findings/bounds.ts'
import type { AddressResult } from '../../../src/domain/findings/observation.ts'
import { protocolNames, protocols } from '../../../src/domain/protocols/index.ts'
import { scanJson } from '../../../src/encoding/json-scan.ts'
import { runPaced } from '../../../src/runtime/pace.ts'

const names = (count: number, length = 10) => Array.from({ length: count }, (_, i) => String(i).padStart(length, 'x'))
const seen = (...facts: object[]) => ({
  addressResults: facts.map(
    (of): Pick<AddressResult, 'state' | 'reason' | 'facts'> => ({ state: 'open', reason: 'ssh-ok', facts: of }),
  ),
})

const tooLarge = { addressResults: [{ state: 'unknown', reason: 'response-too-large', facts: {} }] }

describe('facts within the limit', () => {
  test('stay as they are', () => {
    const observations = [seen({ identification: 'SSH-2.0-x', algorithms: { kex: names(5) } }), seen({})]
    expect(boundFacts(observations, 1_000)).toEqual(observations)
  })
})

describe('facts beyond the limit', () => {
  test('lose whole lists, the largest first, and name them; all that is single stays', () => {
    const large = { identification: 'SSH-2.0-x', algorithms: { kex: names(500), hostKey: names(3), mac: names(400) } }
    const [bounded] = boundFacts([seen(large)], 1_000)
    expect(bounded).toEqual(
      seen({
        identification: 'SSH-2.0-x',
        algorithms: { hostKey: names(3) },
        omitted: ['algorithms/kex', 'algorithms/mac'],
      }),
    )
  })

  test('of one address leave those of the others alone', () => {
    const small = { certificate: { sans: names(3) } }
    const bounded = boundFacts([seen(small, { certificate: { sans: names(5_000) } }), seen(small)], 2_000)
    expect(bounded).toEqual([seen(small, { certificate: {}, omitted: ['certificate/sans'] }), seen(small)])
  })

  test('of one observation leave those of the others alone, although it holds no list', () => {
    const small = seen({ algorithms: { kex: names(20) } })
    const bounded = boundFacts([small, seen({ identification: 'x'.repeat(2_000) }), small], 2_000)
    expect(bounded).toEqual([small, seen({}), small].map((one, i) => (i === 1 ? tooLarge : one)))
  })

  test('that hold no list give unknown', () => {
    const [bounded] = boundFacts([seen({ identification: 'x'.repeat(2_000) }, { identification: 'x' })], 1_000)
    expect(bounded?.addressResults).toEqual([
      { state: 'unknown', reason: 'response-too-large', facts: {} },
      { state: 'open', reason: 'ssh-ok', facts: { identification: 'x' } },
    ])
  })

  test('fit afterwards, at any limit', () => {
    const facts = () => ({ text: 'x'.repeat(300), a: names(50), b: { c: names(100), d: names(2) } })
    const observations = [seen(facts(), facts()), seen(facts())]
    const before = structuredClone(observations)
    for (const limit of [0, 10, 500, 1_500, 5_000, 9_000, 20_000]) {
      const results = boundFacts(observations, limit).flatMap(({ addressResults }) => addressResults)
      const sizes = results.map((result) => (result.state === 'unknown' ? 0 : sizeOf(result.facts)))
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(limit)
    }
    expect(observations).toEqual(before)
  })

  test('of a whole batch fit into a delivery, also with as many values as possible', async () => {
    const facts = { identification: 'x', algorithms: { kex: names(3_200, 1), mac: names(30) } }
    const observations = Array.from({ length: 500 }, () => boundFacts([seen(facts)], maxFactsSize)).flat()
    const text = JSON.stringify(boundBatch(observations))
    expect(text.length).toBeLessThan(maxBatchFactsSize)
    expect(await runPaced(scanJson(text, maxDeliveryValues))).toBeUndefined()
    expect(text).toContain('"mac":[')
  })

  test('small values cost more than their characters', () => {
    expect(sizeOf({ list: ['a', 'b'] })).toBe('{"list":["a","b"]}'.length + 32)
  })
})

interface Node {
  type?: string
  properties?: Record<string, Node>
  required?: string[]
}

/** The paths of lists that an object must have. */
function requiredLists({ properties = {}, required = [] }: Node): string[] {
  return Object.entries(properties).flatMap(([name, node]) => [
    ...(node.type === 'array' && required.includes(name) ? [name] : []),
    ...requiredLists(node).map((path) => `${name}/${path}`),
  ])
}

test.each(protocolNames)('every list among the facts of %s can be left out', (name) => {
  expect(requiredLists(protocols[name].facts as TObject as Node)).toEqual([])
})
