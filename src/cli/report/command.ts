import { Option } from 'commander'
import { defineCommand, examples, printing, repeatable } from '../command.ts'
import { serverOption } from '../connection/api.ts'
import { type ReportOptions, reports } from './options.ts'

export const reportCommand = () =>
  defineCommand('report', 'print a report', `Prints a report of the API: ${Object.keys(reports).join(', ')}.`)
    .argument('<name>', 'name of the report')
    .addOption(repeatable('--query <key=value>', 'parameter of the report'))
    .addOption(new Option('--format <format>', 'what to print').choices(['json', 'csv', 'ndjson']).default('json'))
    .addOption(serverOption())
    .addHelpText(
      'after',
      examples(
        'portwarden report compliance --query by=target --format csv',
        'portwarden report drift --query from=2026-11-28T00:00:00Z --query to=2026-11-29T00:00:00Z',
        'portwarden report findings --query result=fail --query severity=high',
      ),
    )
    .action(printing(async (name: string, options: ReportOptions) => (await import('./run.ts')).run(name, options)))
