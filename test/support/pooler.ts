import { withParameters } from '../../src/store/db/database-url.ts'

/** A pooler in front of the server of TEST_DATABASE_URL, for all its databases. */
const pooler = process.env.TEST_POOLER_URL

/** The same database as the service reaches it: through the pooler of the run, if it has one. */
export function throughPooler(url: string): string {
  if (pooler === undefined) return url
  const { host } = new URL(pooler)
  const changed = new URL(url)
  changed.host = host
  return withParameters(changed.href, { pgbouncer: 'true' })
}

/** The settings of a process of the service for a database. */
export const databaseSettings = (url: string): Record<string, string> => ({
  DATABASE_URL: throughPooler(url),
  ...(pooler !== undefined && { DATABASE_DIRECT_URL: url }),
})
