import { describe, expect, test } from 'vitest'
import { chooseReceivers, receiverOf } from '../../../src/domain/webhooks/receivers.ts'

const waiting = (...names: string[]) => names.map((receiver) => ({ receiver, key: receiver.split(' ')[0] ?? null }))
const choose = (
  receivers: string[],
  {
    running = [],
    turns = {},
    perKey = 2,
    inAll = 10,
  }: { running?: string[]; turns?: Record<string, number>; perKey?: number; inAll?: number } = {},
) =>
  chooseReceivers(waiting(...receivers), {
    running: new Map(waiting(...running).map(({ receiver, key }) => [receiver, key])),
    lastTurn: new Map(Object.entries(turns)),
    shares: { perKey, inAll },
  }).map(({ receiver }) => receiver)

describe('receivers get their turns', () => {
  test('no more of one key than its share, for any queue', () => {
    expect(choose(['a 1', 'a 2', 'a 3', 'b 1']).toSorted()).toEqual(['a 1', 'a 2', 'b 1'].toSorted())
    expect(choose(['a 3', 'b 1'], { running: ['a 1', 'a 2'] })).toEqual(['b 1'])
  })
  test('first of the key that has the fewest', () => {
    expect(choose(['a 2', 'a 3', 'b 1'], { running: ['a 1'], perKey: 9, inAll: 2 })).toEqual(['b 1'])
  })
  test('then those whose last turn is longest ago', () => {
    expect(choose(['a 1', 'a 2', 'a 3'], { turns: { 'a 1': 3, 'a 2': 1, 'a 3': 2 } })).toEqual(['a 2', 'a 3'])
    expect(choose(['a 1', 'a 2'], { turns: { 'a 1': 3 }, perKey: 1 })).toEqual(['a 2'])
  })
  test('one turn at a time', () => {
    expect(choose(['a 1'], { running: ['a 1'] })).toEqual([])
  })
})

test('callbacks share a receiver by key and host; a webhook has one', () => {
  const of = (url: string, key = 'k') => receiverOf({ url, key })
  expect(of('https://itsm.example/a')).toBe(of('https://itsm.example/b?c'))
  expect(of('https://itsm.example/a', 'other')).not.toBe(of('https://itsm.example/a'))
  expect(of('https://itsm.example:8443/')).not.toBe(of('https://itsm.example/'))
  expect(receiverOf(undefined)).toBe('')
})
