import { defineCommand, examples, printing } from '../command.ts'
import { noServerOption, serverOption } from '../connection/api.ts'
import type { SaveOptions } from './save.ts'

export const packCommand = () =>
  defineCommand('pack', 'save or verify an evidence pack')
    .addCommand(
      defineCommand('save', 'save the evidence pack of an ended audit as a zip file')
        .argument('<audit>', 'id of the audit')
        .option('--output <file>', 'file to write (default: audit-ID.zip)')
        .addOption(serverOption())
        .addHelpText(
          'after',
          examples('portwarden pack save 019b7600-0000-7000-8000-000000000001 --output evidence.zip'),
        )
        .action(
          printing(async (audit: string, options: SaveOptions) => (await import('./save.ts')).save(audit, options)),
        ),
    )
    .addCommand(
      defineCommand(
        'verify',
        'check an unpacked evidence pack',
        'Checks each file of an unpacked evidence pack against the manifest, the policy and the findings against the ledger entry, and the signature of the entry with PORTWARDEN_LEDGER_KEY, or the file that PORTWARDEN_LEDGER_KEY_FILE names, if one is set. Needs neither the service nor its database.',
      )
        .argument('<directory>', 'directory with manifest.json')
        .addOption(noServerOption('a pack is verified without trust in the service; `ledger verify --server` asks it'))
        .addHelpText('after', examples('portwarden pack verify ./audit-pack'))
        .addHelpText('after', '\nExit status: 0 intact, 1 broken, 2 not all could be checked, or an error.')
        .action(printing(async (directory: string) => (await import('./run.ts')).verify(directory))),
    )
