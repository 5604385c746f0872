import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareThree, mergeText } from '../../../../src/console/pages/policies/three-way.ts'

const kindsOf = (before: string, mine: string, theirs: string) =>
  compareThree(before, mine, theirs).map(({ kind, before, mine, theirs }) => [kind, before, mine, theirs])

test('changes of different lines are taken from both sides', () => {
  expect(kindsOf('a\nb\nc\nd', 'A\nb\nc\nd', 'a\nb\nc\nd\ne')).toEqual([
    ['mine', ['a'], ['A'], ['a']],
    ['same', ['b', 'c', 'd'], ['b', 'c', 'd'], ['b', 'c', 'd']],
    ['theirs', [], [], ['e']],
  ])
  expect(mergeText(compareThree('a\nb\nc\nd', 'A\nb\nc\nd', 'a\nb\nc\nd\ne'), new Map())).toBe('A\nb\nc\nd\ne')
})

test('a conflict needs a choice, and each choice keeps its lines', () => {
  const regions = compareThree('a\nb\nc', 'a\nmine\nc', 'a\ntheirs\nc')
  expect(regions.map(({ kind }) => kind)).toEqual(['same', 'conflict', 'same'])
  expect(mergeText(regions, new Map())).toBeUndefined()
  expect(mergeText(regions, new Map([[1, 'mine']]))).toBe('a\nmine\nc')
  expect(mergeText(regions, new Map([[1, 'theirs']]))).toBe('a\ntheirs\nc')
  expect(mergeText(regions, new Map([[1, 'both']]))).toBe('a\nmine\ntheirs\nc')
})

test('the same change on both sides is no conflict', () => {
  expect(kindsOf('a\nb', 'a\nB', 'a\nB')).toEqual([
    ['same', ['a'], ['a'], ['a']],
    ['both', ['b'], ['B'], ['B']],
  ])
})

const text = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 8 }).map((lines) => lines.join('\n'))

test('no line of the three texts is lost: the regions put together are the texts', () => {
  fc.assert(
    fc.property(text, text, text, (before, mine, theirs) => {
      const regions = compareThree(before, mine, theirs)
      expect(regions.flatMap((region) => region.before).join('\n')).toBe(before)
      expect(regions.flatMap((region) => region.mine).join('\n')).toBe(mine)
      expect(regions.flatMap((region) => region.theirs).join('\n')).toBe(theirs)
    }),
  )
})

test('with one side unchanged the other is the result', () => {
  fc.assert(
    fc.property(text, text, (before, other) => {
      expect(mergeText(compareThree(before, other, before), new Map())).toBe(other)
      expect(mergeText(compareThree(before, before, other), new Map())).toBe(other)
    }),
  )
})
