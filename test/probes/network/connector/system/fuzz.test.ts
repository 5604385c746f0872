import { expect, test } from 'vitest'
import { fuzzConnector } from '../../../../support/fuzz-connector.ts'

test('attempts by chance, valid or not, all end, in an outcome or an error of the system', async () => {
  const tally = await fuzzConnector(5_000)
  expect(Object.values(tally).reduce((sum, count) => sum + count, 0)).toBe(5_000)
  expect(Object.keys(tally).filter((outcome) => !/^(connected|silent|canceled|E[A-Z]+)$/.test(outcome))).toEqual([])
  expect(tally).toMatchObject({
    connected: expect.any(Number),
    ECONNREFUSED: expect.any(Number),
    EINVAL: expect.any(Number),
  })
})
