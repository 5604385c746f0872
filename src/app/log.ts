import pino, { type Logger } from 'pino'
import { hideSecrets, showControls } from '../encoding/text.ts'

/** What could hold a secret in an object that is logged, at the top and one level down. */
const secretFields = ['authorization', 'cookie', 'password', 'secret', 'connectionString', 'headers.authorization']

/** The log of a process on standard error, JSON by line. It holds no key, no token and no password, and
 * nothing that a terminal would obey. */
export function openLog(level: string): Logger {
  return pino(
    {
      level,
      redact: secretFields.flatMap((field) => [field, `*.${field}`]),
      hooks: { streamWrite: (line) => showControls(hideSecrets(line)) },
    },
    pino.destination(2),
  )
}
