import { InvalidArgumentError } from 'commander'
import { defineCommand, examples, printing } from '../command.ts'
import { serverOption } from '../connection/api.ts'
import type { TraceOptions } from './options.ts'

export const traceCommand = () =>
  defineCommand(
    'trace',
    'show where a port is blocked',
    'Shows the hops to a port, where it is blocked, and the path to another port of the host. Runs from here, and needs neither the service nor its database, and no privilege. With --server, a vantage of the service traces.',
  )
    .argument('<host>', 'host name or IP address; with --server also the name of a target, or externalId=ID')
    .argument('<port>', 'TCP port', readPort)
    .option(
      '--compare <port>',
      'port for the comparison (default: the first of 443, 22 and 80 that responds)',
      readPort,
    )
    .option('--vantage <name>', 'with --server: the vantage that traces (default: the only one)')
    .option('--json', 'print the sentence and the measured paths as JSON')
    .addOption(serverOption())
    .addHelpText(
      'after',
      examples(
        'portwarden trace epp-01.example.com 22',
        'portwarden trace 10.3.0.10 22 --compare 443',
        'portwarden trace epp-01 22 --server https://portwarden.example.com --vantage branch-office',
      ),
    )
    .addHelpText('after', '\nExit status: 0 the port is open, 1 it is not, 2 no trace was possible, or an error.')
    .action(
      printing(async (host: string, port: number, options: TraceOptions) =>
        (await import('./run.ts')).run({ host, port, ...options }),
      ),
    )

function readPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (port >= 1 && port <= 65_535) return port
  throw new InvalidArgumentError('A port must be a number from 1 to 65535.')
}
