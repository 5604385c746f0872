import { InvalidArgumentError } from 'commander'
import { defineCommand, examples, printing } from '../command.ts'
import { noServerOption } from '../connection/api.ts'

export const demoCommand = () =>
  defineCommand(
    'demo',
    'show the console with synthetic history',
    'Serves the console with 200 synthetic servers and N nights of history until SIGINT or SIGTERM. All probes go to listeners of the demo on loopback; its data are in a temporary directory, which is removed at the end. PORT is its port (default: 8080). Needs Linux.',
  )
    .option('--nights <n>', 'nights of history, from 1 to 365', readNights, 90)
    .addOption(noServerOption('the demo is a service of its own'))
    .addHelpText('after', examples('portwarden demo --nights 30'))
    .action(printing(async ({ nights }: { nights: number }) => (await import('./run.ts')).run(nights)))

function readNights(text: string): number {
  const nights = Number(text)
  if (Number.isInteger(nights) && nights >= 1 && nights <= 365) return nights
  throw new InvalidArgumentError('It must be a number from 1 to 365.')
}
