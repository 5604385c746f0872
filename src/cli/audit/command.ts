import { InvalidArgumentError, Option } from 'commander'
import { severities } from '../../domain/policy/policy.ts'
import { defineCommand, examples, printing, repeatable } from '../command.ts'
import { serverOption } from '../connection/api.ts'
import { type AuditOptions, formats } from './options.ts'

export const auditCommand = () =>
  defineCommand(
    'audit',
    'audit hosts against a policy',
    'Audits hosts against a policy, stores the result, and shows what drifted since the last audit. A host that is the name of a stored target is audited as it is stored; any other host becomes a target.',
  )
    .argument('[host...]', 'host names, IP addresses, CIDR ranges, or stored targets: names, or externalId=ID')
    .option('--targets <file>', 'also the hosts of a file, or of standard input (-): a list, CSV, NDJSON, or Nmap XML')
    .addOption(repeatable('--label <key=value>', 'the stored targets with this label, instead of hosts'))
    .option(
      '--policy <name|file>',
      'a stored policy, or a file, whose document becomes the newest version of its policy',
      'netwrix-endpoint-protector',
    )
    .addOption(repeatable('--param <key=value>', 'parameter of the policy'))
    .addOption(repeatable('--vantage <name>', 'probe from this vantage alone'))
    .option('--ticket <number>', 'reference to keep with the audit, such as the number of a change')
    .addOption(new Option('--format <format>', 'what to print').choices([...formats]).default('table'))
    .addOption(new Option('--json', 'the same as --format json').implies({ format: 'json' }))
    .option('--output <file>', 'write to a file instead of standard output')
    .option('--baseline <name>', 'show the drift from a baseline instead of the last audit')
    .addOption(
      new Option('--fail-on <severity>', 'exit with 1 only for failures of this severity or above').choices([
        ...severities,
      ]),
    )
    .option('--watch <interval>', 'audit again after each interval (30s, 5m, 1h) until SIGINT', readInterval)
    .option('--quiet', 'print no progress and no table')
    .addOption(serverOption())
    .addHelpText(
      'after',
      examples(
        'portwarden audit epp-01.example.com',
        'portwarden audit 10.20.0.0/28 --param sshPort=2222 --fail-on high',
        'portwarden audit externalId=CI0012345 --ticket CHG0030001 --format html --output audit.html',
        'portwarden audit --label site=hq --format junit --output audit.xml',
        'nmap -sn -oX - 10.20.0.0/24 | portwarden audit --targets -',
      ),
    )
    .addHelpText(
      'after',
      '\nExit status: 0 pass, 1 fail, 2 inconclusive or an error, 64 arguments that are not valid, 130 after SIGINT.',
    )
    .action(
      printing(async (hosts: string[], options: Omit<AuditOptions, 'hosts'>) =>
        (await import('./run.ts')).run({ hosts, ...options }),
      ),
    )

const unitMs = { s: 1_000, m: 60_000, h: 3_600_000 }

function readInterval(text: string): number {
  const [, count, unit] = /^([1-9]\d{0,4})([smh])$/.exec(text) ?? []
  if (count === undefined) throw new InvalidArgumentError('It must be a number with a unit: 30s, 5m or 1h.')
  return Number(count) * unitMs[unit as keyof typeof unitMs]
}
