import { expect, test } from 'vitest'
import { required } from '../../src/runtime/required.ts'

test.each([0, '', false, Number.NaN])('a value that is there is returned: %j', (value) => {
  expect(required(value, 'it')).toBe(value)
})

test.each([null, undefined])('%s is an error that names what is missing', (value) => {
  expect(() => required(value, 'the id of batch 3')).toThrow('the id of batch 3 is missing')
})
