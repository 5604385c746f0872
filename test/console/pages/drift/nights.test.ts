import { expect, test } from 'vitest'
import { classes, layersOf, type Summary, summaryText, totalOf } from '../../../../src/console/pages/drift/nights.ts'
import { driftClasses } from '../../../../src/domain/history/drift.ts'

const summary = (counts: Partial<Summary>): Summary => ({
  ...{ regressed: 0, recovered: 0, changed: 0, obscured: 0, clarified: 0, appeared: 0, vanished: 0 },
  ...counts,
})

test('every class of the service has a name', () => {
  expect(classes.toSorted()).toEqual(driftClasses.toSorted())
})

test.each<[Partial<Summary>, string, number]>([
  [{}, 'nothing changed', 0],
  [{ recovered: 1, regressed: 3 }, '3 regressed, 1 recovered', 4],
  [{ appeared: 1200 }, '1,200 appeared', 1200],
])('%j reads "%s"', (counts, text, total) => {
  expect([summaryText(summary(counts)), totalOf(summary(counts))]).toEqual([text, total])
})

test('a bar has what regressed at its bottom, then what is not known, and what recovered on top', () => {
  const counts = { recovered: 1, obscured: 2, regressed: 3, changed: 4, appeared: 5 }
  expect(layersOf(summary(counts))).toEqual([
    { mark: 'fail', count: 3 },
    { mark: 'unknown', count: 2 },
    { mark: 'other', count: 9 },
    { mark: 'pass', count: 1 },
  ])
})
