import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  aTime,
  aUuid,
  cutPage,
  decodeCursor,
  eachPage,
  encodeCursor,
  InvalidCursorError,
} from '../../../src/store/query/cursor-page.ts'

describe('a cursor', () => {
  test('gives back the key that it was made of, and is safe in a URL', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii' }), fc.nat(), (name, id) => {
        const cursor = encodeCursor([name, id])
        expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/)
        expect(decodeCursor(cursor, ['', 0])).toEqual([name, id])
      }),
    )
  })

  test('is none where none was given', () => {
    expect(decodeCursor(undefined, [''])).toBeUndefined()
  })

  const raw = (text: string) => Buffer.from(text).toString('base64url')
  test.each([
    '',
    '!!!',
    raw('nonsense'),
    raw('{}'),
    raw('null'),
    raw('"a"'),
    raw('[]'),
    raw('["a"]'),
    raw('["a", 1, 2]'),
    raw('[1, "a"]'),
    raw('["a", null]'),
    raw('["a", {}]'),
    raw('["a", 1.5]'),
    raw('["a", 2147483648]'),
    raw('["a\\u0000", 1]'),
    raw('["\\ud800", 1]'),
  ])('is refused when this listing did not give it out: %s', (cursor) => {
    expect(() => decodeCursor(cursor, ['', 0])).toThrow(InvalidCursorError)
  })
})

describe('a cursor with a time or an id', () => {
  test('gives them back', () => {
    expect(decodeCursor(encodeCursor([aTime]), [aTime])).toEqual([aTime])
    expect(decodeCursor(encodeCursor([aUuid]), [aUuid])).toEqual([aUuid])
  })

  test.each(['', 'yesterday', 'infinity', '2026-99-01T00:00:00.000Z', "2026-01-01' OR true --Z", aUuid])(
    'is refused when its time is none: %s',
    (text) => {
      expect(() => decodeCursor(encodeCursor([text]), [aTime])).toThrow(InvalidCursorError)
    },
  )

  test.each(['', 'x', aTime, aUuid.slice(1), `${aUuid}0`, `{${aUuid}}`])(
    'is refused when its id is none: %s',
    (text) => {
      expect(() => decodeCursor(encodeCursor([text]), [aUuid])).toThrow(InvalidCursorError)
    },
  )
})

describe('a page', () => {
  const parts = { keyOf: (row: number) => [row], toItem: (row: number) => `item ${row}` }

  test.each([
    [[], [], null],
    [[1], ['item 1'], null],
    [[1, 2], ['item 1', 'item 2'], null],
    [[1, 2, 3], ['item 1', 'item 2'], encodeCursor([2])],
  ])('of two from %o is %o, then %s', (rows, items, next) => {
    expect(cutPage(rows, 2, parts)).toEqual({ items, next })
  })
})

describe('a walk over all pages', () => {
  const fetched: number[] = []
  const pagesOf = (count: number, broken?: number) => {
    fetched.length = 0
    return eachPage(async ({ cursor = '0' }) => {
      const at = Number(cursor)
      fetched.push(at)
      if (at === broken) throw new Error(`page ${at} is broken`)
      return { items: [at], next: at + 1 < count ? String(at + 1) : null }
    })
  }

  test.each([1, 2, 7])('gives each of %i once and in order', async (count) => {
    const items: number[] = []
    for await (const page of pagesOf(count)) items.push(...page)
    expect(items).toEqual(Array.from({ length: count }, (_, i) => i))
  })

  test('fetches two pages ahead of the one that is used, and no more', async () => {
    const pages = pagesOf(7)
    for (const [used, expected] of [
      [0, 3],
      [1, 4],
    ] as const) {
      expect((await pages.next()).value).toEqual([used])
      await new Promise(setImmediate)
      expect(fetched.length).toBe(expected)
    }
    await pages.return(undefined)
  })

  test('says what fails in its turn', async () => {
    const pages = pagesOf(7, 2)
    expect((await pages.next()).value).toEqual([0])
    expect((await pages.next()).value).toEqual([1])
    await expect(pages.next()).rejects.toThrow('page 2 is broken')
  })
})

test('of many listings that are walked at one time, two read a page, and one that was left reads none', async () => {
  const reads: (() => void)[] = []
  let started = 0
  const walks = Array.from({ length: 10 }, () =>
    eachPage<number>(async () => {
      started += 1
      await new Promise<void>((resolve) => reads.push(resolve))
      return { items: [1], next: null }
    }),
  )
  const firsts = walks.map((walk) => walk.next())
  await new Promise(setImmediate)
  expect(started).toBe(2)
  const left = walks.slice(2, 9).map((walk) => walk.return())
  for (let settled = false; !settled; await new Promise(setImmediate)) {
    for (const finish of reads.splice(0)) finish()
    settled = await Promise.race([
      Promise.all([...firsts, ...left]).then(() => true),
      new Promise<false>((r) => setImmediate(r, false)),
    ])
  }
  expect(started).toBe(3)
})

test('many walks share the rows that the process holds: their pages are smaller, until the others end', async () => {
  const limits: number[] = []
  const start = () =>
    eachPage<number>(async ({ limit }) => {
      limits.push(limit)
      return { items: [1], next: encodeCursor([1]) }
    })
  const walks = Array.from({ length: 400 }, start)
  for (const walk of walks) await walk.next()
  expect([limits[0], limits.at(-1)]).toEqual([5_000, 200])
  for (const walk of walks) await walk.return()
  limits.length = 0
  const one = start()
  await one.next()
  await one.return()
  expect(limits[0]).toBe(5_000)
})
