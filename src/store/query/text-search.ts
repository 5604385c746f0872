import { Prisma } from '../db/database.ts'

/** The condition that the name, the address or the external id of a target contains a text, in upper or lower case. */
export function containsText(text: string, table: 't' | 'target'): Prisma.Sql {
  const pattern = `%${text.replace(/[\\%_]/g, String.raw`\$&`)}%`
  const column = (name: string) => Prisma.raw(`${table}.${name}`)
  return Prisma.sql`(${column('name')} ILIKE ${pattern} OR ${column('address')} ILIKE ${pattern} OR ${column('external_id')} ILIKE ${pattern})`
}
