import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { PlannedProbe } from '../../../src/operations/audits/plan-paired.ts'
import { checksPerBatch, splitIntoBatches } from '../../../src/operations/audits/split-batches.ts'
import { ruleThat } from '../../domain/findings/rules.ts'

const rule = ruleThat({})
const bind = { ...ruleThat({ ldap: { bind: { credentialRef: 'env:AD' } } }), probe: 'ldap' as const }

/** As many checks of each target as given, from one vantage. */
const checksOf = (counts: readonly number[], of = rule): PlannedProbe[] =>
  counts.flatMap((count, targetId) =>
    Array.from({ length: count }, (_, i) => ({
      ...{ kind: 'probe' as const, rule: of, host: '192.0.2.1', targetId, seriesId: targetId * 10_000 + i },
      ...{ vantageId: 1, origin: { vantage: 'hq', covered: true, indirect: false } },
    })),
  )
const split = (probes: PlannedProbe[]) => splitIntoBatches(probes).map(({ checks }) => checks)

test('batches are full up to the last target that fits', () => {
  const sizes = split(checksOf(Array.from({ length: 400 }, () => 3))).map((checks) => checks.length)
  expect(sizes).toEqual([498, 498, 204])
})

test('a target with more checks than a batch is split, and no other', () => {
  const counts = fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 450, max: 1_200 })), {
    maxLength: 30,
  })
  fc.assert(
    fc.property(counts, (some) => {
      const probes = checksOf(some)
      const batches = split(probes)
      expect(batches.flat().map(({ seriesId }) => seriesId)).toEqual(probes.map(({ seriesId }) => seriesId))
      for (const [i, batch] of batches.entries()) {
        expect(batch.length).toBeGreaterThan(0)
        expect(batch.length).toBeLessThanOrEqual(checksPerBatch)
        const shared = batches[i + 1]?.[0]?.targetId
        if (shared !== undefined && shared === batch.at(-1)?.targetId)
          expect(some[shared]).toBeGreaterThan(checksPerBatch)
      }
    }),
    { numRuns: 50 },
  )
})

test('checks with one credential are never split', () => {
  expect(split(checksOf([checksPerBatch + 1], bind)).map((checks) => checks.length)).toEqual([checksPerBatch + 1])
})
