import { Option } from 'commander'
import { defineCommand, examples, printing, repeatable } from '../command.ts'
import { noServerOption, serverOption } from '../connection/api.ts'
import { type FirewallOptions, firewallFormatNames } from './firewall-options.ts'
import type { ProposeOptions } from './propose.ts'
import type { PolicyOptions } from './run.ts'

const loadRun = () => import('./run.ts')

const storedOption = () => new Option('--stored', 'use the policies in the database of the settings')

export const policyCommand = () =>
  defineCommand('policy', 'validate, show, compare and test policies')
    .addCommand(
      defineCommand(
        'validate',
        'check policy documents',
        'Checks policy documents. Needs neither the service nor its database.',
      )
        .argument('<file...>', 'files with YAML or JSON; `-` is standard input')
        .addOption(
          noServerOption('the files are checked here; `policy test` judges one against the facts of a service'),
        )
        .addHelpText('after', examples('portwarden policy validate policies/*.yaml'))
        .addHelpText('after', '\nExit status: 0 all are valid, 1 one is not.')
        .action(printing(async (files: string[]) => (await loadRun()).validate(files))),
    )
    .addCommand(
      defineCommand(
        'list',
        'list the built-in or stored policies',
        'Lists the built-in policies, without a service; with --stored or --server the stored ones.',
      )
        .option('--json', 'print JSON')
        .addOption(storedOption())
        .addOption(serverOption())
        .action(printing(async (options: PolicyOptions) => (await loadRun()).list(options))),
    )
    .addCommand(
      defineCommand(
        'show',
        'print a policy as YAML',
        'Prints a policy with its comments: a built-in one or a file, without a service; with --stored or --server a stored one.',
      )
        .argument('<policy>', 'name of a built-in policy, or file; of a stored one name[@version]')
        .option('--resolved', 'print the document that `extends` results in')
        .option('--json', 'print the document as JSON')
        .addOption(storedOption())
        .addOption(serverOption())
        .addHelpText('after', examples('portwarden policy show ssh-baseline > policy.yaml'))
        .action(printing(async (name: string, options: PolicyOptions) => (await loadRun()).show(name, options))),
    )
    .addCommand(
      defineCommand('put', 'store a policy document as the newest version')
        .argument('<file>', 'file with YAML or JSON')
        .addOption(serverOption())
        .action(printing(async (file: string, options: PolicyOptions) => (await loadRun()).put(file, options))),
    )
    .addCommand(
      defineCommand(
        'diff',
        'show how two policies differ',
        'Shows how two policies differ; each is a file or a built-in policy, with --stored or --server a file or a stored one.',
      )
        .argument('<before>', 'file, or name; of a stored one name[@version]')
        .argument('<after>', 'file, or name; of a stored one name[@version]')
        .option('--json', 'print JSON')
        .addOption(storedOption())
        .addOption(serverOption())
        .addHelpText('after', examples('portwarden policy diff ssh-baseline draft.yaml'))
        .addHelpText('after', '\nExit status: 0 they are the same, 1 they differ.')
        .action(
          printing(async (before: string, after: string, options: PolicyOptions) =>
            (await loadRun()).diff(before, after, options),
          ),
        ),
    )
    .addCommand(
      defineCommand(
        'test',
        'judge a policy on cases, or a draft on stored facts',
        'Judges a policy on the cases of a file, without a service; without --cases a draft on the facts that earlier audits stored. Sends no packet.',
      )
        .argument('<policy>', 'file with YAML or JSON; with --cases also the name of a built-in policy')
        .option('--cases <file>', 'file with observations and the results that they must have')
        .option('--json', 'print JSON')
        .addOption(serverOption())
        .addHelpText(
          'after',
          examples('portwarden policy test ssh-baseline --cases cases.yaml', 'portwarden policy test draft.yaml'),
        )
        .addHelpText(
          'after',
          '\nExit status: 0 every case holds, or no finding fails; 1 a case does not hold, or a finding fails.',
        )
        .action(printing(async (policy: string, options: PolicyOptions) => (await loadRun()).test(policy, options))),
    )
    .addCommand(
      defineCommand(
        'firewall',
        'propose firewall changes',
        'Prints the changes by which firewalls between an origin and a target would agree with a stored policy, for review. Sends no packet.',
      )
        .argument('<name>', 'the newest version of this policy')
        .requiredOption('--target <name>', 'the target')
        .addOption(new Option('--zone <zone>', 'the zone from which flows are seen').conflicts('vantage'))
        .option('--vantage <name>', 'the vantage from which they are seen')
        .addOption(repeatable('--source <network>', 'a network of that origin; without one its flows are not proposed'))
        .addOption(repeatable('--resolve <name=address>', 'an address of a host that is known by name'))
        .addOption(new Option('--format <format>', 'what to print').choices(firewallFormatNames).default('nftables'))
        .addOption(serverOption())
        .addHelpText(
          'after',
          examples(
            'portwarden policy firewall netwrix-endpoint-protector --target epp-01 --zone client --source 10.1.0.0/16',
            'portwarden policy firewall netwrix-endpoint-protector --target epp-01 --zone server --format windows',
          ),
        )
        .action(
          printing(async (name: string, options: FirewallOptions) =>
            (await import('./firewall.ts')).firewall(name, options),
          ),
        ),
    )
    .addCommand(
      defineCommand(
        'propose',
        'propose a policy from what is open',
        'Probes ports of hosts and prints a policy as YAML, with a rule for each flow, to be edited and approved. Stores no policy; hosts that are no targets become targets, as in an audit.',
      )
        .argument('[host...]', 'hosts and ranges, or targets as externalId=ID')
        .addOption(new Option('--ports <ports>', 'ports and ranges, separated by commas').default('1-1024'))
        .addOption(repeatable('--label <key=value>', 'stored targets with this label, instead of hosts'))
        .addOption(repeatable('--vantage <name>', 'probe from this vantage alone'))
        .addOption(serverOption())
        .addHelpText(
          'after',
          examples(
            'portwarden policy propose epp-01.example.com --ports 1-1024,8443 > policy.yaml',
            'portwarden policy propose 10.20.0.0/28 --ports 22,443 | portwarden policy validate -',
          ),
        )
        .action(
          printing(async (hosts: string[], options: ProposeOptions) =>
            (await import('./propose.ts')).propose(hosts, options),
          ),
        ),
    )
