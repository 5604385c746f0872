import type { Option } from 'commander'
import { type Described, flatten } from './describe.ts'

/** The man page of the program in the format of man(7). */
export function renderManPage(program: Described, version: string): string {
  const { command } = program
  return [
    `.TH PORTWARDEN 1 "" "Portwarden ${roff(version)}" "User Commands"`,
    '.SH NAME',
    `portwarden \\- ${roff(command.description())}`,
    '.SH SYNOPSIS',
    '.B portwarden',
    '.I command',
    '[options]',
    '.SH OPTIONS',
    ...program.options.flatMap(optionOf),
    '.SH COMMANDS',
    ...flatten(program)
      .slice(1)
      .flatMap((one) => [
        `.SS "portwarden ${roff(one.path.join(' '))} ${roff(one.command.usage())}"`,
        roff(one.command.description()),
        ...one.options.flatMap(optionOf),
      ]),
    '.SH EXIT STATUS',
    ...statuses.flatMap(([status, meaning]) => ['.TP', `.B ${status}`, roff(meaning)]),
    '.SH ENVIRONMENT',
    'docs/settings.md lists all variables.',
    '',
  ].join('\n')
}

/** What the exit statuses of the commands mean. */
export const statuses: readonly (readonly [string, string])[] = [
  ['0', 'pass, intact, or done'],
  ['1', 'fail: a rule is violated, evidence is broken, a port is not open, a document is not valid'],
  ['2', 'inconclusive, not all could be checked, or an error'],
  ['64', 'the arguments are not valid'],
  ['130', 'interrupted by SIGINT; 143 by SIGTERM'],
]

const optionOf = ({ flags, description }: Option) => ['.TP', `.B ${roff(flags)}`, roff(description)]

/** A backslash, a hyphen that must be typed, and a line that would be a request. */
const roff = (text: string) =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll(/^([.'])/gm, '\\&$1')
