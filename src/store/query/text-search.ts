import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { Prisma } from '../db/database.ts'

/** The condition that a column contains a text, in upper or lower case. `column` is SQL. */
export function containing(text: string, column: string): Prisma.Sql {
  const pattern = `%${text.replace(/[\\%_]/g, String.raw`\$&`)}%`
  return Prisma.sql`${Prisma.raw(column)} ILIKE ${pattern}`
}

/**
 * The condition that the name, the address or the external id of a target contains a text, in upper or lower case, or that the text is an
 * address to which the name of the target resolved in its last findings.
 */
export function containsText(text: string, table: 't' | 'target'): Prisma.Sql {
  const column = (name: string) => containing(text, `${table}.${name}`)
  const resolved = isIP(text) === 0 ? Prisma.empty : Prisma.sql`OR ${resolvedTo(text, table)}`
  return Prisma.sql`(${column('name')} OR ${column('address')} OR ${column('external_id')} ${resolved})`
}

/** An index on evidence has the first two conditions as they are written here. */
const resolvedTo = (address: string, table: 't' | 'target') => Prisma.sql`${Prisma.raw(`${table}.id`)} IN (
  SELECT named.id FROM evidence e JOIN target named ON named.address = e.content->>'host' CROSS JOIN LATERAL (
    SELECT FROM span x WHERE x.target_id = named.id AND x.to_at IS NULL AND x.evidence_id = e.id LIMIT 1
  ) present
  WHERE jsonb_path_query_array(e.content, '$.addresses.keyvalue().key') ? ${ipaddr.parse(address).toString()}
    AND NOT (e.content->'addresses' ? (e.content->>'host')))`
