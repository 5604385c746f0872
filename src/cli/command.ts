import { ConfigError } from '../config/index.ts'
import { RefusedError, SetupError } from '../domain/errors.ts'
import { showControls } from '../encoding/text.ts'

/** Arguments that do not follow the usage. */
export class UsageError extends Error {}

/** The exit status of a verification. */
export const exitCodes = { intact: 0, broken: 1, unverified: 2 } as const

/** Prints a line; throws when the disk is full. */
export const say = (line: string): void => void process.stdout.write(`${line}\n`)

/**
 * Runs a command and sets the exit status: the result of `run`, or 2 after an error. An unexpected error is printed with its
 * stack. `--help` prints the usage.
 */
export async function runCommand<R>(
  usage: string,
  read: (argv: string[]) => R | 'help',
  run: (request: R) => Promise<number>,
): Promise<void> {
  process.stdout.on('error', (error) => {
    complain(error) // the reader closed the pipe
    process.once('exit', () => {
      process.exitCode = 2
    })
  })
  try {
    const request = read(process.argv.slice(2))
    if (request === 'help') say(usage)
    process.exitCode = request === 'help' ? 0 : await run(request)
  } catch (error) {
    complain(error)
    if (isMisuse(error)) console.error(`\n${usage}`)
    process.exitCode = 2
  }
}

const isMisuse = (error: unknown) =>
  error instanceof UsageError ||
  (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'))

function complain(error: unknown): void {
  const isExpected = isMisuse(error) || [ConfigError, RefusedError, SetupError].some((kind) => error instanceof kind)
  const text = error instanceof Error ? (isExpected ? error.message : error.stack) : error
  console.error(`portwarden: ${showControls(String(text))}`) // it may quote control characters of others
}
