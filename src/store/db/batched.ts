import { type CoalesceOptions, coalesce } from '../../runtime/coalesce.ts'
import { findingsPerRecording } from '../audits/record-findings.ts'
import type { createAll } from './all-stores.ts'

type Work<T, R> = (items: readonly T[]) => Promise<readonly R[]>

/** Runs each call by itself: the statements of a transaction come one after the other, so waiting for others gains nothing. */
const alone =
  <T, R>(work: Work<T, R>): ((item: T) => Promise<R>) =>
  async (item) =>
    (await work([item]))[0] as R

/** How many statements a process runs at the same time for one kind of call, and how many items one of them holds. */
const limits = {
  findAudits: { concurrency: 2, maxSize: 200 },
  findBatches: { concurrency: 2, maxSize: 100 },
  recordFindings: {
    concurrency: 2,
    maxSize: findingsPerRecording,
    sizeOf: ({ findings }: { findings: readonly unknown[] }) => findings.length + 1,
  },
}

/**
 * Turns the methods for many items into methods for one. Concurrent calls share a statement, which saves round trips under load;
 * inside a transaction each runs immediately.
 */
export function batched(stores: ReturnType<typeof createAll>, { inTransaction }: { inTransaction: boolean }) {
  const { audits, batches, pairs, waivers, windows } = stores
  const one = <T, R>(work: Work<T, R>, options?: CoalesceOptions<T>) =>
    inTransaction ? alone(work) : coalesce(work, options)
  return {
    ...stores,
    audits: { ...audits, find: one(audits.find, limits.findAudits) },
    /** The batch; undefined when it is recorded already. */
    batches: { ...batches, findOpen: one(batches.findOpen, limits.findBatches) },
    pairs: { ...pairs, due: one(pairs.due) },
    waivers: { ...waivers, permissions: one(waivers.permissions) },
    windows: { ...windows, permissions: one(windows.permissions) },
    record: one(stores.record, limits.recordFindings),
  }
}
