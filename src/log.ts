import pino, { type Logger } from 'pino'
import { hideSecrets } from './domain/text.ts'

/** What could hold a secret in an object that is logged, at the top and one level down. */
const secretFields = ['authorization', 'cookie', 'password', 'secret', 'connectionString', 'headers.authorization']

/** The log of a process on standard error, JSON by line. It holds no key, no token and no password. */
export function openLog(level: string): Logger {
  return pino(
    {
      level,
      redact: secretFields.flatMap((field) => [field, `*.${field}`]),
      hooks: { streamWrite: hideSecrets },
    },
    pino.destination(2),
  )
}
