import { expect, test } from 'vitest'
import { collectGarbage } from '../../../../support/collect-garbage.ts'
import { fuzzConnector } from '../../../../support/fuzz-connector.ts'

test('160,000 attempts by chance, on the thread, leave no memory behind', { timeout: 600_000 }, async () => {
  for (let warmUp = 0; warmUp < 3; warmUp += 1) await fuzzConnector(20_000)
  await collectGarbage()
  const before = process.memoryUsage.rss()
  for (let round = 0; round < 5; round += 1) {
    const tally = await fuzzConnector(20_000)
    expect(Object.values(tally).reduce((sum, count) => sum + count, 0)).toBe(20_000)
    await collectGarbage() // would move what must not move
  }
  expect(process.memoryUsage.rss() - before).toBeLessThan(50 * 2 ** 20)
})
