import { NotReadyError } from '../domain/errors.ts'
import type { Queue } from '../jobs/queue.ts'
import type { DatabaseHandle } from '../store/db/database.ts'
import { findUnapplied } from '../store/db/migrate.ts'

const withinMs = 5_000

/** Rejects with NotReadyError while the database, its migrations or the queue are not as they must be. */
export async function checkReady({ database, queue }: { database: DatabaseHandle; queue: Queue }): Promise<void> {
  await within('the database does not answer', database.ping())
  const [missing] = await within('the migrations of the database cannot be read', findUnapplied(database.db))
  if (missing !== undefined) throw new NotReadyError(`the database lacks the migration ${missing}`)
  await within('the queue does not work', queue.check())
}

async function within<T>(what: string, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${withinMs} ms`)), withinMs)
  return Promise.race([work, late.promise])
    .catch((cause: unknown) => {
      throw new NotReadyError(what, { cause })
    })
    .finally(() => clearTimeout(timer))
}
