import { defineCommand, examples, printing } from '../command.ts'
import { noServerOption } from '../connection/api.ts'

export const migrateCommand = () =>
  defineCommand(
    'migrate',
    'migrate the database, and end',
    'Brings the tables of the database to this version, and ends. Every process of the service does the same when it starts; several wait for one another.',
  )
    .addOption(noServerOption('a service migrates its own database when it starts'))
    .addHelpText('after', examples('portwarden migrate'))
    .action(printing(async () => (await import('./run.ts')).run()))
