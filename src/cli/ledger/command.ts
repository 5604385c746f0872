import { defineCommand, examples, printing } from '../command.ts'
import { serverOption } from '../connection/api.ts'
import type { LedgerOptions, VerifyRequest } from './run.ts'

const loadRun = () => import('./run.ts')

export const ledgerCommand = () =>
  defineCommand(
    'ledger',
    'verify or export the ledger',
    'Reads the ledger in the database or of a service, and writes nothing to it.',
  )
    .addCommand(
      defineCommand('verify', 'check the whole chain')
        .option('--head <file>', 'also against a head that was stored elsewhere')
        .option('--findings', 'also the policies, the audits and their findings')
        .option('--json', 'print the result as JSON')
        .addOption(serverOption())
        .addHelpText(
          'after',
          examples('portwarden ledger verify --findings', 'portwarden ledger verify --head head.json'),
        )
        .addHelpText('after', '\nExit status: 0 intact, 1 broken, 2 not all could be checked, or an error.')
        .action(printing(async (request: VerifyRequest) => (await loadRun()).verify(request))),
    )
    .addCommand(
      defineCommand('head', 'print the signed end of the chain as JSON, to be stored elsewhere')
        .addOption(serverOption())
        .addHelpText('after', examples('portwarden ledger head > head.json'))
        .action(printing(async (options: LedgerOptions) => (await loadRun()).head(options))),
    )
    .addCommand(
      defineCommand('export', 'print every entry as a line of JSON, newest first')
        .addOption(serverOption())
        .addHelpText('after', examples('portwarden ledger export > ledger.ndjson'))
        .action(printing(async (options: LedgerOptions) => (await loadRun()).exportEntries(options))),
    )
