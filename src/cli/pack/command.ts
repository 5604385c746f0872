import { defineCommand, examples, printing } from '../command.ts'

export const packCommand = () =>
  defineCommand('pack', 'verify an evidence pack').addCommand(
    defineCommand(
      'verify',
      'check an unpacked evidence pack',
      'Checks each file of an unpacked evidence pack against the manifest, the policy and the findings against the ledger entry, and the signature of the entry with PORTWARDEN_LEDGER_KEY, or the file that PORTWARDEN_LEDGER_KEY_FILE names, if one is set. Needs neither the service nor its database.',
    )
      .argument('<directory>', 'directory with manifest.json')
      .addHelpText('after', examples('portwarden pack verify ./audit-pack'))
      .addHelpText('after', '\nExit status: 0 intact, 1 broken, 2 not all could be checked, or an error.')
      .action(printing(async (directory: string) => (await import('./run.ts')).verify(directory))),
  )
