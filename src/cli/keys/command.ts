import { defineCommand, examples, printing, repeatable } from '../command.ts'
import { serverOption } from '../connection/api.ts'
import type { CreateOptions, KeyOptions } from './run.ts'

const loadRun = () => import('./run.ts')

export const keysCommand = () =>
  defineCommand('keys', 'create, list and revoke API keys')
    .addCommand(
      defineCommand('create', 'create a key and print it once')
        .argument('<name>', 'what the key is for')
        .addOption(
          repeatable('--scope <scope>', 'what it may do, such as audits:run or reports:read').makeOptionMandatory(),
        )
        .addOption(repeatable('--label <key=value>', 'limit it to targets with this label'))
        .option('--expires <time>', 'when it expires (RFC 3339)')
        .addOption(serverOption())
        .addHelpText('after', examples('portwarden keys create servicenow --scope audits:run --scope reports:read'))
        .action(printing(async (name: string, options: CreateOptions) => (await loadRun()).create(name, options))),
    )
    .addCommand(
      defineCommand('list', 'list the keys without their secrets')
        .option('--json', 'print JSON')
        .addOption(serverOption())
        .action(printing(async (options: KeyOptions) => (await loadRun()).list(options))),
    )
    .addCommand(
      defineCommand('revoke', 'revoke a key')
        .argument('<id>', 'id of the key')
        .addOption(serverOption())
        .action(printing(async (id: string, options: KeyOptions) => (await loadRun()).revoke(id, options))),
    )
