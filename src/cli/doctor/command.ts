import { defineCommand, examples, printing } from '../command.ts'
import { serverOption } from '../connection/api.ts'
import type { DoctorOptions } from './run.ts'

const loadRun = () => import('./run.ts')

export const doctorCommand = () =>
  defineCommand(
    'doctor',
    'check the configuration and say what to do',
    `Checks the configuration of the environment end to end: settings, files, database, clocks, certificates, keys, sockets,
vantages and webhooks. It changes nothing, and sends nothing to webhooks but a connection. Run it as the user of the service.
With --server it checks what an agent or a client needs: the service, its certificate, the clocks and the key.`,
  )
    .addOption(serverOption())
    .option('--json', 'print the checks as JSON')
    .addHelpText(
      'after',
      examples(
        'portwarden doctor',
        'PORTWARDEN_KEY_FILE=agent.key portwarden doctor --server https://portwarden.example',
      ),
    )
    .addHelpText('after', '\nExit status: 0 nothing fails, 1 something fails, 2 something could not be checked.')
    .action(printing(async (options: DoctorOptions) => (await loadRun()).diagnose(options)))
