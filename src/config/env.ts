import { readFileSync, statSync } from 'node:fs'

/** Thrown at start; names the variable and shows a valid example, never the value, which may be a secret. */
export class ConfigError extends Error {}

export const refused = (variable: string, example: string) =>
  new ConfigError(`${variable} is not valid; a valid example: ${variable}=${example}`)

export type Values = ReturnType<typeof createValues>

/** Reads single values of an environment; each throws ConfigError for one that is not valid. An empty one counts as unset. */
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
    flag(variable: string): boolean {
      return checked(variable, 'false', { valid: (value) => /^(true|false)$/.test(value), example: 'true' }) === 'true'
    },
    secret: (variable: string) => readSecret(env, variable),
  }
}

/**
 * A secret: the variable itself, or the content of the file that `VARIABLE_FILE` names, without the line end. Undefined where
 * neither is set; throws ConfigError where both are, and for a file that cannot be read, is empty, or that anybody may write.
 */
export function readSecret(env: NodeJS.ProcessEnv, variable: string): string | undefined {
  const file = env[`${variable}_FILE`]
  if (!file) return env[variable] || undefined
  if (env[variable]) throw new ConfigError(`${variable} and ${variable}_FILE are both set: leave one of them out`)
  const value = readSetting(`${variable}_FILE`, file).trim()
  if (value === '') throw new ConfigError(`${variable}_FILE names an empty file`)
  if ((statSync(file).mode & 0o002) !== 0)
    throw new ConfigError(`${variable}_FILE names a file that anybody may write: chmod o-w ${file}`)
  return value
}

/** The text of the file that a variable names. */
export function readSetting(variable: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : 'no reason is known'
    throw new ConfigError(`${variable} names a file that cannot be read (${code}): ${file}`)
  }
}
