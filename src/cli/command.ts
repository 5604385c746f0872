import { Command, CommanderError, Option } from 'commander'
import { ConfigError } from '../config/index.ts'
import { RefusedError, SetupError } from '../domain/errors.ts'
import { showControls } from '../encoding/text.ts'

/** Arguments that are well-formed and yet cannot be meant. */
export class UsageError extends Error {}

/** The exit statuses of all commands; `usage` is EX_USAGE of sysexits.h. */
export const exitStatus = { pass: 0, fail: 1, error: 2, usage: 64, interrupted: 130 } as const

/** The exit status of a verification. */
export const verificationStatus = { intact: exitStatus.pass, broken: exitStatus.fail, unverified: exitStatus.error }

/** Prints a line; throws when the disk is full. */
export const say = (line: string): void => void process.stdout.write(`${line}\n`)

/** Prints what a service responded as it is, its byte-order mark included, with a line end after it. */
export async function sayBody(response: Response): Promise<void> {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(await response.arrayBuffer())
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
}

/**
 * A command with help by `-h`. Its action is imported when it runs: help and completion need no service.
 */
export function defineCommand(name: string, summary: string, description = summary): Command {
  return new Command(name)
    .summary(summary)
    .description(description)
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
}

/** An option that can be repeated; its value is a list, or undefined. */
export const repeatable = (flags: string, description: string): Option =>
  new Option(flags, `${description}; can be repeated`).argParser<string[]>((value, earlier = []) => [...earlier, value])

/** Lines that the help shows last; each is a whole command line. */
export const examples = (...lines: string[]): string =>
  `\n${lines.length > 1 ? 'Examples' : 'Example'}:\n${lines.map((line) => `  ${line}`).join('\n')}`

/** The action of a command that prints a result: `run` returns the exit status; output that cannot be written is an error. */
export const printing =
  <A extends unknown[]>(run: (...args: A) => Promise<number>) =>
  async (...args: A): Promise<void> => {
    process.stdout.on('error', (error) => {
      complain(error) // the reader closed the pipe
      process.once('exit', () => {
        process.exitCode = exitStatus.error
      })
    })
    process.exitCode = await run(...args)
  }

/** Runs a program; the exit status of arguments that are not valid is `usage`, and that of an error is `error`. */
export async function runProgram(program: Command, argv: readonly string[]): Promise<void> {
  exitByError(program)
  try {
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : exitStatus.usage
      return
    }
    complain(error)
    process.exitCode = error instanceof UsageError ? exitStatus.usage : exitStatus.error
  }
}

/** Makes commander throw where it would end the process, and print no control characters. */
function exitByError(command: Command, path = command.name()): void {
  command.exitOverride()
  command.showHelpAfterError(`\n${path} --help shows the usage.`)
  command.configureOutput({ outputError: (text, write) => write(showControls(text)) }) // it quotes arguments
  for (const one of command.commands) exitByError(one, `${path} ${one.name()}`)
}

/** An unexpected error is printed with its stack. */
function complain(error: unknown): void {
  console.error(`portwarden: ${showControls(textOf(error))}`) // it may quote control characters of others
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if ('syscall' in error && error.syscall === 'write') return `the output cannot be written: ${error.message}`
  const isExpected = [UsageError, ConfigError, RefusedError, SetupError].some((kind) => error instanceof kind)
  return isExpected ? error.message : String(error.stack)
}
