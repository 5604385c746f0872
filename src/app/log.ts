import pino, { type Logger } from 'pino'
import { hideSecrets, showControls } from '../encoding/text.ts'

/** Fields that may hold a secret, on two levels. */
const secretFields = ['authorization', 'cookie', 'password', 'secret', 'connectionString', 'headers.authorization']

/** Logs JSON lines to standard error, without secrets. */
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
