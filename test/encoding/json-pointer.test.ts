import { expect, test } from 'vitest'
import { pointerTo, stepsOf } from '../../src/encoding/json-pointer.ts'

// The examples of RFC 6901 section 5, and what they leave out.
test.each([
  [[], ''],
  [['foo'], '/foo'],
  [['foo', 0], '/foo/0'],
  [[''], '/'],
  [['a/b'], '/a~1b'],
  [['m~n'], '/m~0n'],
  [['~1'], '/~01'],
  [['a', '', 'b'], '/a//b'],
])('the path %j is the pointer %j, and back', (path, pointer) => {
  expect(pointerTo(path)).toBe(pointer)
  expect(stepsOf(pointer)).toEqual(path.map(String))
})
