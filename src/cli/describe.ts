import type { Command, Option } from 'commander'

/** A command with all that its help, completion and man page say. */
export interface Described {
  /** The words that call it, without the name of the program. */
  path: readonly string[]
  summary: string
  command: Command
  options: readonly Option[]
  children: readonly Described[]
}

/** The tree of the commands below `command`. */
export function describeCommand(command: Command, path: readonly string[] = []): Described {
  return {
    path,
    summary: command.summary() || command.description(),
    command,
    options: command.createHelp().visibleOptions(command),
    children: command.commands.map((one) => describeCommand(one, [...path, one.name()])),
  }
}

/** A command and all below it. */
export const flatten = (one: Described): Described[] => [one, ...one.children.flatMap(flatten)]

/** The whole help of a command as it is printed on `columns` columns, without styles. */
export function helpOf(command: Command, columns: number): string {
  let text = ''
  const { writeOut, getOutHelpWidth } = command.configureOutput()
  command.configureOutput({ writeOut: (part) => (text += part), getOutHelpWidth: () => columns })
  command.outputHelp()
  command.configureOutput({ writeOut, getOutHelpWidth })
  return text.trimEnd()
}
