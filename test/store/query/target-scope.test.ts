import { expect, test } from 'vitest'
import { differencesBetween } from '../../../src/store/history/drift-query.ts'
import { andHas, andOfTarget, everything, isIn, madeIn, withLabels } from '../../../src/store/query/target-scope.ts'

test('an unlimited scope adds nothing to a query', () => {
  expect([andHas(everything, 'x.target_scope').sql, andOfTarget(everything, 'x.target_id').sql]).toEqual(['', ''])
  expect([madeIn(everything), withLabels(everything)]).toEqual([{ AND: [] }, { AND: [] }])
  const time = new Date(0)
  const of = (targetScope: Record<string, string>) =>
    differencesBetween({ from: { time }, to: { time }, targetScope }, {}, { limit: 1 }).sql.replace(/\s+/g, ' ')
  expect(of(everything)).not.toContain('labels')
  expect(of({ team: 'blue' })).toContain('IN (SELECT id FROM target WHERE labels @>')
})

test.each([
  [{ team: 'blue' }, { team: 'blue', site: 'hq' }, true],
  [{ team: 'blue', site: 'hq' }, { team: 'blue' }, false],
  [{ team: 'blue' }, { team: 'green' }, false],
  [{ team: 'blue' }, {}, false],
  [{ constructor: 'x' }, {}, false],
  [{}, {}, true],
])('the scope %j holds a target with the labels %j: %s', (targetScope, labels, expected) => {
  expect(isIn(targetScope as Record<string, string>, labels)).toBe(expected)
})
