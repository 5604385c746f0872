import { Option } from 'commander'
import { defineCommand, examples, printing, repeatable } from '../command.ts'
import { serverOption } from '../connection/api.ts'
import type { ImportOptions, ListOptions } from './run.ts'

const loadRun = () => import('./run.ts')

export const targetsCommand = () =>
  defineCommand('targets', 'import and list targets')
    .addCommand(
      defineCommand('import', 'create or update targets from CSV, NDJSON or Nmap XML')
        .argument('<file>', 'file, or - for standard input')
        .option('--partial', 'save the valid rows if others are invalid')
        .option('--keep', 'leave stored targets as they are')
        .addOption(serverOption())
        .addHelpText('after', examples('portwarden targets import targets.csv'))
        .addHelpText('after', '\nExit status: 0 all rows are saved, 1 some are not.')
        .action(printing(async (file: string, options: ImportOptions) => (await loadRun()).importFile(file, options))),
    )
    .addCommand(
      defineCommand('list', 'list the stored targets')
        .addOption(repeatable('--label <key=value>', 'those with this label'))
        .addOption(
          new Option('--format <format>', 'what to print').choices(['table', 'json', 'csv', 'ndjson']).default('table'),
        )
        .addOption(serverOption())
        .addHelpText('after', examples('portwarden targets list --label site=hq --format csv'))
        .action(printing(async (options: ListOptions) => (await loadRun()).list(options))),
    )
