import { Prisma } from '../db/database.ts'

/** The condition that the name, the address or the external id of the target `t` contains a text, in upper or lower case. */
export function containsText(text: string): Prisma.Sql {
  const pattern = `%${text.replace(/[\\%_]/g, String.raw`\$&`)}%`
  return Prisma.sql`(t.name ILIKE ${pattern} OR t.address ILIKE ${pattern} OR t.external_id ILIKE ${pattern})`
}
