import { ConfigError } from '../config/index.ts'
import { RefusedError } from '../domain/errors.ts'
import { showControls } from '../encoding/text.ts'

/** A command is not written as its usage says. */
export class UsageError extends Error {}

/** The status of a command that checks something, by what it found. */
export const exitCodes = { intact: 0, broken: 1, unverified: 2 } as const

/** Prints a line. Throws where it cannot be written: console.log is silent about a full disk, and what was to be kept would be lost. */
export const say = (line: string): void => void process.stdout.write(`${line}\n`)

/**
 * Runs a command with the arguments of this process and sets its exit status: what `run` answers, or 2 for what it throws, which is
 * told on standard error, with where in the code unless it was expected. `--help` shows the usage and runs nothing.
 */
export async function runCommand<R>(
  usage: string,
  read: (argv: string[]) => R | 'help',
  run: (request: R) => Promise<number>,
): Promise<void> {
  process.stdout.on('error', (error) => {
    complain(error) // whoever read it has left
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
  const isExpected = isMisuse(error) || error instanceof ConfigError || error instanceof RefusedError
  const text = error instanceof Error ? (isExpected ? error.message : error.stack) : error
  console.error(`portwarden: ${showControls(String(text))}`) // it may quote what others wrote
}
