/** Marks reports and sweeps, also in the statistics of PostgreSQL. */
export const reportMark = '/* report */'

/** Whether a statement may take minutes. */
export const isLong = (sql: string): boolean => sql.includes(reportMark)

const maxNames = 300
const maxTexts = 1_000

/** A list of parameters or rows makes another text for each length, as Prisma's `in` and `createMany` do. */
const variesInLength = /\bIN \(\$\d+,|\$\d+\),\s*\(\$\d+/

/**
 * Names statements that come again, so that a connection plans them once: planning takes longer than most of them. A name takes
 * memory of each connection as long as that lives, so texts that vary must not use names up.
 */
export function nameStatements(): (sql: string) => string {
  const names = new Map<string, string>()
  const once = new Set<string>()
  return (sql) => {
    const known = names.get(sql)
    if (known !== undefined) return known
    if (names.size === maxNames || sql.startsWith(reportMark) || variesInLength.test(sql)) return ''
    if (once.delete(sql)) names.set(sql, `portwarden_${names.size}`)
    else if (once.size < maxTexts) once.add(sql)
    else once.clear()
    return names.get(sql) ?? ''
  }
}
