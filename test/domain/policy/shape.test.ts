import { Type } from 'typebox'
import { describe, expect, test } from 'vitest'
import { checkShape } from '../../../src/domain/policy/shape.ts'

const closed = { additionalProperties: false }
const Exposure = Type.Object(
  {
    colour: Type.Enum(['red', 'green']),
    height: Type.Optional(Type.Integer({ minimum: 1, maximum: 3 })),
    label: Type.Optional(Type.String({ minLength: 1, maxLength: 5 })),
    locked: Type.Optional(Type.Union([Type.Boolean(), Type.Object({ until: Type.String() }, closed)])),
    keys: Type.Optional(
      Type.Array(Type.String({ pattern: '^k', examples: ['k1'] }), { minItems: 1, maxItems: 3, uniqueItems: true }),
    ),
    lamps: Type.Optional(
      Type.Record(Type.String({ pattern: '^[a-z]+$' }), Type.Integer(), { ...closed, maxProperties: 2 }),
    ),
  },
  closed,
)

describe('checkShape', () => {
  test.each([
    { value: { colour: 'red' } },
    { value: { colour: 'green', height: 3, label: 'a', locked: true, keys: ['k'], lamps: { hall: 1 } } },
    { value: { colour: 'red', locked: { until: 'noon' }, height: undefined } },
  ])('accepts $value', ({ value }) => {
    expect(checkShape(Exposure, value)).toEqual([])
  })

  test.each([
    { value: 'a port', pointer: '', message: 'must be an object with colour' },
    { value: {}, pointer: '/colour', message: 'is missing: must be one of red, green' },
    {
      value: { color: 'red', colour: 'red' },
      pointer: '/color',
      message: 'unknown field `color`: did you mean `colour`?',
    },
    { value: { colour: 'red', window: 1 }, pointer: '/window', message: 'unknown field `window`' },
    { value: { colour: 'blue' }, pointer: '/colour', message: 'must be one of red, green' },
    { value: { colour: 'red', height: 4 }, pointer: '/height', message: 'must be a whole number from 1 to 3' },
    { value: { colour: 'red', label: '' }, pointer: '/label', message: 'must not be empty' },
    { value: { colour: 'red', label: 'too long' }, pointer: '/label', message: 'must be at most 5 characters long' },
    { value: { colour: 'red', label: 1 }, pointer: '/label', message: 'must be text' },
    {
      value: { colour: 'red', locked: 1 },
      pointer: '/locked',
      message: 'must be true or false or an object with until',
    },
    { value: { colour: 'red', keys: 'k' }, pointer: '/keys', message: 'must be a list' },
    { value: { colour: 'red', keys: [] }, pointer: '/keys', message: 'must have at least 1 item' },
    { value: { colour: 'red', keys: ['k', 'x'] }, pointer: '/keys/1', message: 'must be text like k1' },
    { value: { colour: 'red', keys: ['k', 'k'] }, pointer: '/keys/1', message: 'must not repeat an item of the list' },
    { value: { colour: 'red', keys: ['a', 'b', 'c', 'd'] }, pointer: '/keys', message: 'must have at most 3 items' },
    {
      value: { colour: 'red', lamps: { A: 1 } },
      pointer: '/lamps/A',
      message: 'must have a name that matches ^[a-z]+$',
    },
    {
      value: { colour: 'red', lamps: { a: 1, b: 1, c: 1 } },
      pointer: '/lamps',
      message: 'must have at most 2 members',
    },
  ])('says of $value: $message', ({ value, pointer, message }) => {
    expect(checkShape(Exposure, value)).toEqual([{ pointer, message }])
  })

  test('does not accept inherited names as fields', () => {
    const value = JSON.parse('{"colour":"red","constructor":1,"__proto__":{}}')
    expect(checkShape(Exposure, value).map(({ pointer }) => pointer)).toEqual(['/constructor', '/__proto__'])
  })

  test('reports every issue of a value', () => {
    expect(checkShape(Exposure, { height: 9, label: '', keys: ['a', 'b'] })).toHaveLength(5)
  })
})
