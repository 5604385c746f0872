import { Option } from 'commander'
import { defineCommand, examples } from '../command.ts'
import { noServerOption } from '../connection/api.ts'
import { type Role, roles } from './roles.ts'

export const serveCommand = () =>
  defineCommand(
    'serve',
    'serve the API and probe',
    'Serves the API, makes the probes of the vantages of this process, or both.',
  )
    .addOption(new Option('--role <role>', 'the part of the service to run').choices(roles).default('all'))
    .addOption(noServerOption('it is the service'))
    .addHelpText('after', examples('portwarden serve', 'portwarden serve --role worker'))
    .action(async ({ role }: { role: Role }) => {
      await (await import('./run.ts')).run(role)
    })
