import { describe, expect, test } from 'vitest'
import { type Permission, permissionAt, permittedTime } from '../../../src/domain/exceptions/active-exception.ts'

const at = (second: number) => new Date(second * 1_000)
const permission = (id: string, from: number, until: number): Permission => ({
  id,
  rules: ['a', 'b'],
  targetId: 1,
  from,
  until,
})

describe('a permission', () => {
  const list = [permission('short', 10, 20), permission('long', 15, 30)]

  test.each([
    ['before it begins', 9, undefined],
    ['at its first instant', 10, 'short'],
    ['that lasts longest, of two that apply', 15, 'long'],
    ['at its last instant', 29, 'long'],
    ['at its end, which is outside', 30, undefined],
  ])('is found %s', (_, instant, id) => {
    expect(permissionAt(list, { rule: 'a', targetId: 1, at: instant })?.id).toBe(id)
  })

  test('applies only to its rules and its target', () => {
    expect(permissionAt(list, { rule: 'c', targetId: 1, at: 15 })).toBeUndefined()
    expect(permissionAt(list, { rule: 'a', targetId: 2, at: 15 })).toBeUndefined()
  })
})

describe('the time of a permission from 10 to 20', () => {
  test.each([
    ['is none without approval', null, null, undefined],
    ['is whole when approved before', 5, null, [10, 20]],
    ['begins with a late approval', 12, null, [12, 20]],
    ['is none when approved at its end', 20, null, undefined],
    ['ends when it is revoked', 5, 15, [10, 15]],
    ['is none when revoked before it begins', 5, 10, undefined],
    ['ends at its end when revoked later', 5, 25, [10, 20]],
  ])('%s', (_, approved, ended, time) => {
    const range = { from: at(10), until: at(20) }
    const given = { approvedAt: approved === null ? null : at(approved), endedAt: ended === null ? null : at(ended) }
    expect(permittedTime(range, given)).toEqual(time && { from: at(time[0] ?? 0), until: at(time[1] ?? 0) })
  })
})
