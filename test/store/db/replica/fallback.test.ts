import { expect, test } from 'vitest'
import type { Database } from '../../../../src/store/db/database.ts'
import { withFallback } from '../../../../src/store/db/replica/fallback.ts'

/** A database whose statements all end the same way. */
const database = (run: () => Promise<string>) =>
  ({ $queryRaw: run, target: { findMany: run } }) as unknown as Database & { target: { findMany(): Promise<string> } }
const failing = (code: string) => database(() => Promise.reject(Object.assign(new Error('no'), { code })))
const primary = database(async () => 'primary')

test.each(['40001', '57P01', '25006', 'ECONNREFUSED'])(
  'a statement that ends with %s runs on the primary',
  async (code) => {
    const both = withFallback(failing(code), primary) as typeof primary
    expect(await both.$queryRaw``).toBe('primary')
    expect(await both.target.findMany()).toBe('primary')
  },
)

test('a statement that the replica runs, or that is wrong, stays there', async () => {
  const both = withFallback(
    database(async () => 'replica'),
    primary,
  ) as typeof primary
  expect(await both.target.findMany()).toBe('replica')
  await expect(withFallback(failing('42601'), primary).$queryRaw``).rejects.toThrow('no')
})
