import { type Database, Prisma } from '../db/database.ts'
import { prepared } from '../db/statements.ts'

/** The name of the actor in this column: of a key, or of a person at the newest sign-in; null for the service itself. */
export const nameOfActor = (column: string): Prisma.Sql => {
  const actor = Prisma.raw(column)
  return Prisma.sql`coalesce((SELECT name FROM api_key WHERE id = ${actor}), (
    SELECT payload->>'name' FROM ledger_entry WHERE action = 'session.start' AND actor = ${actor} ORDER BY seq DESC LIMIT 1))`
}

/** Those who act: keys, and people at an issuer. */
export function createActorStore(db: Database) {
  return {
    /** The names by id; an actor without a name is missing. */
    async names(ids: readonly string[]): Promise<Map<string, string>> {
      if (ids.length === 0) return new Map()
      const rows = await prepared<{ id: string; name: string | null }>(db)`
        SELECT g.id, ${nameOfActor('g.id')} AS name FROM unnest(${[...new Set(ids)]}::text[]) AS g(id)`
      return new Map(rows.flatMap(({ id, name }) => (name === null ? [] : [[id, name]])))
    },
  }
}
