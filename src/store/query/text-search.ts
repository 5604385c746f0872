import { Prisma } from '../db/database.ts'

/** The condition that a column contains a text, in upper or lower case. `column` is SQL. */
export function containing(text: string, column: string): Prisma.Sql {
  const pattern = `%${text.replace(/[\\%_]/g, String.raw`\$&`)}%`
  return Prisma.sql`${Prisma.raw(column)} ILIKE ${pattern}`
}

/** The condition that the name, the address or the external id of a target contains a text, in upper or lower case. */
export function containsText(text: string, table: 't' | 'target'): Prisma.Sql {
  const column = (name: string) => containing(text, `${table}.${name}`)
  return Prisma.sql`(${column('name')} OR ${column('address')} OR ${column('external_id')})`
}
