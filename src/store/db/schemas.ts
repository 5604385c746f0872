import { SetupError } from '../../domain/errors.ts'

/** What pg-boss accepts quoted, and PostgreSQL with the prefix of the queue. */
const acceptable = /^[\p{L}\p{N}_ -]+$/u
const maxBytes = 43
/** Schemas of PostgreSQL, and of the queues of this service. */
const reserved = /^(pg_|information_schema$|pgboss$|pgboss_)/

/**
 * The schema of the queue's tables, whose names would collide with those of the service: each schema of the service has its own, so
 * several installations can share a database. Undefined is `public`.
 */
export const queueSchemaOf = (schema: string | undefined): string =>
  schema === undefined || schema === 'public' ? 'pgboss' : `pgboss_${schema}`

/** Throws SetupError for a name that the queue cannot use. */
export function checkSchemaName(schema: string): void {
  if (reserved.test(schema))
    throw new SetupError(
      `DATABASE_URL: the schema ${schema} is reserved for PostgreSQL or a queue of the service; name another one with ?schema=`,
    )
  if (acceptable.test(schema) && Buffer.byteLength(schema) <= maxBytes) return
  throw new SetupError(
    `DATABASE_URL: the name of the schema must have at most ${maxBytes} bytes and hold letters, digits, _, - and blanks only; name another one with ?schema=`,
  )
}

export const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`
