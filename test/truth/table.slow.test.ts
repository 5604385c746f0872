import { afterAll, beforeAll, expect, test } from 'vitest'
import { read } from '../support/pages.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { explain, type Lab, openLab } from './lab.ts'
import { starters } from './peers/index.ts'
import { rows } from './table.ts'

let lab: Lab
beforeAll(async () => {
  lab = await openLab(rows)
})
afterAll(() => lab?.stop())

for (const [peer, some] of Map.groupBy(rows, (row) => row.peer)) {
  const needs = [...starters[peer].needs, ...some.flatMap(({ oracle }) => oracle.needs)]
  describeWithPeers([...new Set(needs)], `an oracle and Portwarden agree on ${peer}`, () => {
    test.concurrent.each(some.map((row) => [`${row.site}: ${row.case}`, row] as const))('%s', async (_, row) => {
      const outcome = await lab.establish(row)
      expect(outcome.agrees, explain(outcome)).toBe(true)
    })
  })
}

test('every row establishes something else', () => {
  const claims = rows.map(({ peer, site, host, claim, oracle }) =>
    JSON.stringify([peer, site, host, claim, oracle.name]),
  )
  expect(claims.filter((claim, index) => claims.indexOf(claim) !== index)).toEqual([])
})

test('the documentation promises no more rows than there are', () => {
  const [, promised] = /more than (\d+) verdicts on real servers/.exec(read('docs/policies.md')) ?? []
  expect(rows.length).toBeGreaterThan(Number(promised))
})
