import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { StoredTarget } from '../../../src/store/inventory/targets.ts'
import type { Page } from '../../../src/store/query/cursor-page.ts'
import { openTestStores, type TestStores } from '../../support/stores.ts'
import { emptyFields, fullTarget } from '../../support/target.ts'

let stores: TestStores
beforeAll(async () => {
  stores = await openTestStores()
})
afterAll(() => stores.close())
beforeEach(() => stores.query('TRUNCATE target RESTART IDENTITY'))

const find = async (name: string): Promise<StoredTarget> => {
  const target = await stores.targets.find(name)
  if (!target) throw new Error(`there is no target ${name}`)
  return target
}

describe('creating a target', () => {
  test('keeps all its fields, and begins at version 1', async () => {
    const created = await stores.targets.create(fullTarget)
    expect(created).toMatchObject({ ...fullTarget, version: 1 })
    expect(await find('epp-01')).toEqual(created)
  })

  test('makes empty what is left out', async () => {
    expect(await stores.targets.create({ name: 'a', address: '::1' })).toMatchObject({ address: '::1', ...emptyFields })
  })

  test('is refused while a live one has the name, which stays as it is', async () => {
    const created = await stores.targets.create(fullTarget)
    expect(await stores.targets.create({ name: 'epp-01', address: '10.9.9.9' })).toBeUndefined()
    expect(await find('epp-01')).toEqual(created)
  })

  test('succeeds for one of many concurrent calls', async () => {
    const requests = Array.from({ length: 8 }, (_, i) => ({ name: 'contested', address: `10.0.0.${i + 1}` }))
    const created = (await Promise.all(requests.map((request) => stores.targets.create(request)))).filter((one) => one)
    expect(created).toHaveLength(1)
    expect(await find('contested')).toEqual(created[0])
  })

  test('brings a retired one back under its id, with nothing of what it was', async () => {
    const before = await stores.targets.create(fullTarget)
    if (before) await stores.targets.retire(before.id)
    const after = await stores.targets.create({ name: 'epp-01', address: '10.0.0.6' })
    expect(after).toMatchObject({ id: before?.id, address: '10.0.0.6', ...emptyFields })
    expect(after?.version).toBeGreaterThan(before?.version ?? 0)
  })
})

describe('saving many targets', () => {
  test('creates the new ones and updates the others; what is left out keeps its value', async () => {
    await stores.targets.create(fullTarget)
    await stores.targets.save([
      { name: 'epp-01', address: '10.0.0.9', labels: { site: 'branch' } },
      { name: 'epp-02', address: '10.0.0.7', roles: ['new'] },
    ])
    expect(await find('epp-01')).toMatchObject({
      ...fullTarget,
      address: '10.0.0.9',
      labels: { site: 'branch' },
      version: 2,
    })
    expect(await find('epp-02')).toMatchObject({ ...emptyFields, address: '10.0.0.7', roles: ['new'], version: 1 })
  })

  test('keeps a field that is left out, and empties one that is given as null', async () => {
    const { externalId: _, ...without } = fullTarget
    await stores.targets.create(fullTarget)
    await stores.targets.save([without])
    expect(await find('epp-01')).toMatchObject({ externalId: 'CI-1', version: 1 })
    await stores.targets.save([{ ...without, externalId: null }])
    expect(await find('epp-01')).toMatchObject({ externalId: null, version: 2 })
  })

  test('empties a field that is given empty', async () => {
    await stores.targets.create(fullTarget)
    await stores.targets.save([{ name: 'epp-01', address: '10.0.0.5', roles: [], labels: {}, params: {} }])
    expect(await find('epp-01')).toMatchObject({ roles: [], labels: {}, params: {} })
  })

  test('writes nothing where nothing differs', async () => {
    const created = await stores.targets.create(fullTarget)
    await stores.targets.save([fullTarget])
    await stores.targets.save([{ name: 'epp-01', address: '10.0.0.5' }])
    expect(await find('epp-01')).toEqual(created)
  })

  test('brings retired ones back with what they had', async () => {
    const created = await stores.targets.create(fullTarget)
    if (created) await stores.targets.retire(created.id)
    await stores.targets.save([{ name: 'epp-01', address: '10.0.0.5' }])
    expect(await find('epp-01')).toMatchObject({ ...fullTarget, id: created?.id })
  })

  test('uses up no id for a target that is there', async () => {
    for (let i = 0; i < 5; i += 1) await stores.targets.save([{ name: 'same', address: `10.0.0.${i}` }])
    await stores.targets.save([{ name: 'other', address: '10.0.0.1' }])
    expect([(await find('same')).id, (await find('other')).id]).toEqual([1, 2])
  })

  test('by several concurrent calls, in any order, neither blocks nor loses one', async () => {
    const names = Array.from({ length: 150 }, (_, i) => `many-${i}`)
    const requests = (address: string) => names.map((name) => ({ name, address }))
    for (let round = 0; round < 6; round += 1) {
      const saves = Array.from({ length: 8 }, (_, i) => requests(`10.${round}.0.${i + 1}`))
      await Promise.all(saves.map((some, i) => stores.targets.save(i % 2 ? some : some.toReversed())))
    }
    expect(await stores.targets.findByNames(names)).toHaveLength(150)
  })
})

test('a target that another transaction creates at the same time gets the given fields too', async () => {
  const created = Promise.withResolvers<void>()
  const other = stores.transaction(async (tx) => {
    await tx.targets.create({ name: 'epp-01', address: '10.0.0.1', params: { sshPort: 22 } })
    created.resolve()
    const waiting = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`
    await expect.poll(() => stores.query(waiting)).toHaveLength(1)
  })
  await created.promise
  const saved = stores.targets.save([{ name: 'epp-01', address: '10.0.0.2', labels: { site: 'hq' } }])
  await other
  expect(await saved).toEqual(['epp-01'])
  expect(await find('epp-01')).toMatchObject({ address: '10.0.0.2', labels: { site: 'hq' }, params: { sshPort: 22 } })
})

describe('replacing a target', () => {
  test('writes all its fields, empty where they are left out, and counts the version up', async () => {
    const { id } = (await stores.targets.create(fullTarget)) ?? { id: -1 }
    const before = "created_at - interval '1 hour'" // a time of the same millisecond would not show the change
    await stores.query(`UPDATE target SET created_at = ${before}, updated_at = ${before}`)
    const replaced = await stores.targets.replace(id, { name: 'epp-01', address: '10.0.0.6' }, 1)
    expect(replaced).toMatchObject({ address: '10.0.0.6', ...emptyFields, version: 2 })
    expect(replaced?.updatedAt).not.toBe(replaced?.createdAt)
  })

  test('of a version that is not the current one writes nothing', async () => {
    const created = await stores.targets.create(fullTarget)
    expect(await stores.targets.replace(created?.id ?? -1, { ...fullTarget, address: '10.0.0.6' }, 7)).toBeUndefined()
    expect(await find('epp-01')).toEqual(created)
  })

  test('by several who read the same version succeeds for one', async () => {
    const { id } = (await stores.targets.create(fullTarget)) ?? { id: -1 }
    const tries = Array.from({ length: 6 }, (_, i) =>
      stores.targets.replace(id, { ...fullTarget, address: `10.0.1.${i}` }, 1),
    )
    expect((await Promise.all(tries)).filter((one) => one)).toHaveLength(1)
    expect((await find('epp-01')).version).toBe(2)
  })
})

test('a retired target is found no more, except by who asks for any', async () => {
  const created = await stores.targets.create(fullTarget)
  await stores.targets.retire(created?.id ?? -1)
  expect(await stores.targets.find('epp-01')).toBeUndefined()
  expect(await stores.targets.findByNames(['epp-01'])).toEqual([])
  expect(await stores.targets.findByLabels({ site: 'hq' })).toEqual([])
  expect((await stores.targets.list({ labels: {}, limit: 10 })).items).toEqual([])
  expect(await stores.targets.findAny('epp-01')).toMatchObject({ id: created?.id })
  expect(await stores.targets.findByIds([created?.id ?? -1])).toHaveLength(1)
})

describe('listing targets', () => {
  const names = (page: Page<StoredTarget>) => page.items.map(({ name }) => name)
  beforeEach(() =>
    stores.targets.save([
      { name: 'c', address: '10.0.0.1', labels: { site: 'hq', tier: '1' } },
      { name: 'a', address: '10.0.0.2', labels: { site: 'hq', tier: '2' } },
      { name: 'B', address: '10.0.0.3', labels: { site: 'branch' } },
      { name: 'd', address: '10.0.0.4' },
    ]),
  )

  test.each([
    [{}, ['B', 'a', 'c', 'd']],
    [{ site: 'hq' }, ['a', 'c']],
    [{ site: 'hq', tier: '2' }, ['a']],
    [{ site: 'nowhere' }, []],
    [{ Site: 'hq' }, []],
  ] as [Record<string, string>, string[]][])('with the labels %o finds %o', async (labels, found) => {
    expect(names(await stores.targets.list({ labels, limit: 10 }))).toEqual(found)
    expect((await stores.targets.findByLabels(labels)).map(({ name }) => name).sort()).toEqual(found.sort())
  })

  test('walks all of them in pages, and is not disturbed by what comes meanwhile', async () => {
    const first = await stores.targets.list({ labels: {}, limit: 2 })
    expect(names(first)).toEqual(['B', 'a'])
    await stores.targets.save([
      { name: 'A', address: '10.0.0.5' },
      { name: 'bb', address: '10.0.0.5' },
    ])
    const second = await stores.targets.list({ labels: {}, limit: 2, cursor: first.next ?? '' })
    expect(names(second)).toEqual(['bb', 'c'])
    const third = await stores.targets.list({ labels: {}, limit: 2, cursor: second.next ?? '' })
    expect([names(third), third.next]).toEqual([['d'], null])
  })
})
