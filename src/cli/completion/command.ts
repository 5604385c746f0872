import { Argument } from 'commander'
import { defineCommand, examples, printing } from '../command.ts'
import { noServerOption } from '../connection/api.ts'
import { describeCommand } from '../describe.ts'
import { shells } from './scripts.ts'

export const completionCommand = () => {
  const command = defineCommand('completion', 'print the completion of a shell')
  return command
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(shells)))
    .addOption(noServerOption('the commands are those of this program'))
    .addHelpText('after', examples('source <(portwarden completion bash)', 'portwarden completion fish | source'))
    .action(
      printing(async (shell: keyof typeof shells) => {
        process.stdout.write(`${shells[shell](describeCommand(command.parent ?? command))}\n`)
        return 0
      }),
    )
}
