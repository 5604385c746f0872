import pino, { type Logger } from 'pino'
import { hideSecrets, showControls } from '../encoding/text.ts'

/** Fields that may hold a secret, on two levels. */
const secretFields = ['authorization', 'cookie', 'password', 'secret', 'connectionString', 'headers.authorization']

const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === Array.prototype || prototype === null
}

/**
 * An error without the objects that hang on it. The driver attaches its client, which holds the key that cancels its queries, and
 * addresses of the database; only errors and plain data are logged.
 */
export function withoutObjects(value: unknown, depth = 5): unknown {
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? undefined : value
  if (depth === 0 || !(value instanceof Error || isPlain(value))) return undefined
  if (Array.isArray(value)) return value.map((item) => withoutObjects(item, depth - 1))
  const fields = Object.entries(value).flatMap(([key, field]) => {
    const kept = withoutObjects(field, depth - 1)
    return kept === undefined ? [] : [[key, kept] as const]
  })
  if (!(value instanceof Error)) return Object.fromEntries(fields)
  const { message, stack, cause } = value
  return {
    type: value.constructor.name,
    message,
    stack,
    ...Object.fromEntries(fields),
    ...(cause !== undefined && { cause: withoutObjects(cause, depth - 1) }),
  }
}

/** Logs JSON lines to standard error, without secrets. */
export function openLog(level: string): Logger {
  return pino(
    {
      level,
      serializers: { err: (error: unknown) => withoutObjects(error) },
      redact: secretFields.flatMap((field) => [field, `*.${field}`]),
      hooks: { streamWrite: (line) => showControls(hideSecrets(line)) },
    },
    pino.destination(2),
  )
}
