import pino, { type Logger } from 'pino'

/** What could hold a secret in an object that is logged, at the top and one level down. */
const secretFields = ['authorization', 'cookie', 'password', 'secret', 'connectionString', 'headers.authorization']
/** A key of the API and a token, wherever somebody put it. */
const secretText = /pw_[0-9a-f]{12}_[\w-]+|\beyJ[\w-]+\.[\w-]+\.[\w-]*/g

/** The log of a process on standard error, JSON by line. It holds no key, no token and no password. */
export function openLog(level: string): Logger {
  return pino(
    {
      level,
      redact: secretFields.flatMap((field) => [field, `*.${field}`]),
      hooks: { streamWrite: (line) => line.replace(secretText, '[Redacted]') },
    },
    pino.destination(2),
  )
}
