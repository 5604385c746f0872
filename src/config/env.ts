import { readFileSync, statSync } from 'node:fs'

/** Names the variable and a valid example; never the value, which may be a secret. */
export class ConfigError extends Error {}

export const refused = (variable: string, example: string) =>
  new ConfigError(`${variable} is not valid; a valid example: ${variable}=${example}`)

export type Values = ReturnType<typeof createValues>

/** Readers of single variables, which throw ConfigError; an empty variable counts as unset. */
export function createValues(env: NodeJS.ProcessEnv) {
  const text = (variable: string, fallback: string) => env[variable] || fallback
  const checked = (
    variable: string,
    fallback: string,
    rule: { valid: (value: string) => boolean; example: string },
  ) => {
    const value = text(variable, fallback)
    if (!rule.valid(value)) throw refused(variable, rule.example)
    return value
  }
  return {
    text,
    checked,
    integer(variable: string, fallback: number, [least, greatest]: [number, number]): number {
      const inRange = (value: string) => /^\d+$/.test(value) && Number(value) >= least && Number(value) <= greatest
      return Number(checked(variable, String(fallback), { valid: inRange, example: String(fallback) }))
    },
    flag(variable: string, fallback = false): boolean {
      const rule = { valid: (value: string) => /^(true|false)$/.test(value), example: String(!fallback) }
      return checked(variable, String(fallback), rule) === 'true'
    },
    secret: (variable: string) => readSecret(env, variable),
  }
}

/**
 * The value of a variable, or the content of the file that `VARIABLE_FILE` names. Throws ConfigError when both are set, and for
 * a file that is unreadable, empty or writable by everyone.
 */
export function readSecret(env: NodeJS.ProcessEnv, variable: string): string | undefined {
  const file = env[`${variable}_FILE`]
  if (!file) return env[variable] || undefined
  if (env[variable]) throw new ConfigError(`${variable} and ${variable}_FILE are both set: unset one of them`)
  const value = readSetting(`${variable}_FILE`, file).trim()
  if (value === '') throw new ConfigError(`${variable}_FILE names an empty file`)
  if ((statSync(file).mode & 0o002) !== 0)
    throw new ConfigError(`${variable}_FILE names a file that everyone may write: chmod o-w ${file}`)
  return value
}

/** Reads the file that a variable names. */
export function readSetting(variable: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : 'unknown reason'
    throw new ConfigError(`${variable} names a file that cannot be read (${code}): ${file}`)
  }
}
