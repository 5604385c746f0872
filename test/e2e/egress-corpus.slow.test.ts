import { afterAll, beforeAll, expect, test } from 'vitest'
import { corpus, type GuardedService, startGuardedService } from '../support/guarded-service.ts'

let guarded: GuardedService
beforeAll(async () => {
  guarded = await startGuardedService()
})
afterAll(() => guarded?.stop())

test('through no entry point does any of 200 spellings reach an address that is not allowed, and an allowed one does', async () => {
  expect(corpus.length).toBeGreaterThanOrEqual(200)
  for (const [name, { offer }] of Object.entries(guarded.points)) await guarded.expectGuarded(name, offer)
})
