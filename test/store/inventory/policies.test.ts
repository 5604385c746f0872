import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { digest } from '../../../src/encoding/canonical-json.ts'
import { openTestStores, policyOf, type TestStores } from '../../support/stores.ts'

let stores: TestStores
beforeAll(async () => {
  stores = await openTestStores()
})
afterAll(() => stores.close())
beforeEach(() => stores.query('TRUNCATE policy CASCADE'))

const first = policyOf('ports', 'a')
const second = policyOf('ports', 'a', 'b')
const versions = async (name = 'ports') => (await stores.policies.versions(name)).map(({ version }) => version)

describe('putting a policy', () => {
  test('makes version 1, and another version for another document', async () => {
    expect(await stores.policies.put(first)).toMatchObject({
      created: true,
      stored: { name: 'ports', version: 1, digest: digest(first), document: first },
    })
    expect(await stores.policies.put(second)).toMatchObject({ created: true, stored: { version: 2, document: second } })
    expect(await versions()).toEqual([2, 1])
  })

  test('adds nothing if the newest version is equal, in any order of members', async () => {
    await stores.policies.put(first)
    const { rules, title, name } = first
    expect(await stores.policies.put({ rules, title, name })).toMatchObject({ created: false, stored: { version: 1 } })
  })

  test('adds a version that says what an older one said: it is the newest again', async () => {
    for (const document of [first, second, first]) await stores.policies.put(document)
    expect(await versions()).toEqual([3, 2, 1])
    expect(await stores.policies.find('ports')).toMatchObject({ version: 3, document: first })
  })

  test('by several concurrent calls loses none and repeats no number', async () => {
    const documents = Array.from({ length: 8 }, (_, i) => policyOf('ports', `rule-${i}`))
    const stored = await Promise.all(documents.map((document) => stores.policies.put(document)))
    expect(stored.every(({ created }) => created)).toBe(true)
    expect(await versions()).toEqual([8, 7, 6, 5, 4, 3, 2, 1])
  })

  test('the same by several concurrent calls makes one version', async () => {
    const stored = await Promise.all(Array.from({ length: 8 }, () => stores.policies.put(first)))
    expect(stored.filter(({ created }) => created)).toHaveLength(1)
    expect(await versions()).toEqual([1])
  })
})

describe('ensuring a built-in policy', () => {
  test('adds it once for concurrent processes', async () => {
    await Promise.all(Array.from({ length: 4 }, () => stores.policies.ensure(first)))
    await stores.policies.ensure(first)
    expect(await versions()).toEqual([1])
  })

  test("leaves an operator's newer version the newest", async () => {
    await stores.policies.ensure(first)
    await stores.policies.put(second)
    await stores.policies.ensure(first)
    expect(await stores.policies.find('ports')).toMatchObject({ version: 2, document: second })
  })

  test('adds a new edition of it', async () => {
    await stores.policies.ensure(first)
    await stores.policies.ensure(second)
    expect(await versions()).toEqual([2, 1])
  })
})

describe('finding policies', () => {
  beforeEach(async () => {
    for (const document of [first, second, policyOf('b', 'x'), policyOf('c', 'x')]) await stores.policies.put(document)
  })

  test('returns the newest version, or the given one', async () => {
    expect(await stores.policies.find('ports')).toMatchObject({ version: 2 })
    expect(await stores.policies.find('ports', 1)).toMatchObject({ version: 1, document: first })
    expect(await stores.policies.find('ports', 3)).toBeUndefined()
    expect(await stores.policies.find('nothing')).toBeUndefined()
  })

  test('by id gives that very version', async () => {
    const one = await stores.policies.find('ports', 1)
    expect(await stores.policies.findById(one?.id ?? -1)).toEqual(one)
  })

  test('lists the newest version of each, by name, in pages', async () => {
    const page = await stores.policies.list({ limit: 2 })
    expect(page.items.map(({ name, version }) => [name, version])).toEqual([
      ['b', 1],
      ['c', 1],
    ])
    const rest = await stores.policies.list({ limit: 2, cursor: page.next ?? '' })
    expect(rest.items.map(({ name, version }) => [name, version])).toEqual([['ports', 2]])
    expect(rest.next).toBeNull()
  })
})
