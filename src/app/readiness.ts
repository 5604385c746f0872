import { NotReadyError } from '../domain/errors.ts'
import type { Queue } from '../jobs/queue.ts'
import { type DatabaseClock, describeSkew, warnFromMs } from '../store/db/clock.ts'
import type { DatabaseHandle } from '../store/db/database.ts'
import { compareMigrations } from '../store/db/migrate.ts'

const timeoutMs = 5_000

interface ReadyParts {
  database: DatabaseHandle
  queue: Queue
  clock: Pick<DatabaseClock, 'skewMs'>
}

/** Returns warnings; throws NotReadyError while the database or the queue fails. */
export async function checkReady({ database, queue, clock }: ReadyParts): Promise<string[]> {
  await within('the database does not respond', database.ping())
  const { unapplied } = await within('the migrations of the database cannot be read', compareMigrations(database.db))
  const [missing] = unapplied
  if (missing !== undefined) throw new NotReadyError(`the database lacks the migration ${missing}`)
  await within('the queue fails', queue.check())
  const skewMs = clock.skewMs()
  return Math.abs(skewMs) > warnFromMs ? [describeSkew(skewMs)] : []
}

async function within<T>(failure: string, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`no response within ${timeoutMs} ms`)), timeoutMs)
  return Promise.race([work, late.promise])
    .catch((cause: unknown) => {
      throw cause instanceof NotReadyError ? cause : new NotReadyError(failure, { cause })
    })
    .finally(() => clearTimeout(timer))
}
