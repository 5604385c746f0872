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
    /**
     * Who stands behind each id: the person at an issuer who created a key, also by a key of this person, and else the id itself.
     * The ledger says who created a key, and nothing can change that.
     */
    async persons(ids: readonly string[]): Promise<Map<string, string>> {
      const rows = await prepared<{ id: string; person: string }>(db)`
        WITH RECURSIVE maker(id, actor) AS (
          SELECT g.id, g.id FROM unnest(${[...new Set(ids)]}::text[]) AS g(id)
          UNION
          SELECT m.id, e.actor FROM maker m JOIN ledger_entry e ON e.subject = m.actor AND e.action = 'key.create'
        )
        SELECT id, actor AS person FROM maker WHERE actor LIKE 'oidc:%'`
      return new Map([
        ...ids.map((id): [string, string] => [id, id]),
        ...rows.map((row): [string, string] => [row.id, row.person]),
      ])
    },

    /** Who created keys, by their ids; a key without an entry is missing. */
    async creators(keyIds: readonly string[]): Promise<Map<string, string>> {
      const rows = await prepared<{ id: string; actor: string }>(db)`
        SELECT subject AS id, actor FROM ledger_entry WHERE subject = ANY(${[...keyIds]}::text[]) AND action = 'key.create'`
      return new Map(rows.map(({ id, actor }) => [id, actor]))
    },

    /** The names by id; an actor without a name is missing. */
    async names(ids: readonly string[]): Promise<Map<string, string>> {
      if (ids.length === 0) return new Map()
      const rows = await prepared<{ id: string; name: string | null }>(db)`
        SELECT g.id, ${nameOfActor('g.id')} AS name FROM unnest(${[...new Set(ids)]}::text[]) AS g(id)`
      return new Map(rows.flatMap(({ id, name }) => (name === null ? [] : [[id, name]])))
    },
  }
}
