import { type Command, InvalidArgumentError } from 'commander'
import { version } from '../../config/index.ts'
import { defineCommand, examples } from '../command.ts'
import { readServer } from '../connection/server-url.ts'
import type { Request } from './run.ts'

export const agentCommand = (): Command => define('agent', 'portwarden agent')

/** The agent as a program of its own. */
export const agentProgram = (): Command =>
  define('portwarden-agent', 'portwarden-agent').version(version, '--version', 'show the version')

const define = (name: string, call: string): Command =>
  defineCommand(
    name,
    'probe from a vantage without access to the database',
    'Probes from a vantage that cannot reach the database, and delivers the observations to the service. The key comes from PORTWARDEN_AGENT_KEY, or from the file that PORTWARDEN_AGENT_KEY_FILE names.',
  )
    .requiredOption('--server <url>', 'URL of the service; HTTPS, unless it is the same machine', readServer)
    .requiredOption('--vantage <name>', 'name of the vantage that the key is for', readVantage)
    .option('--ca <file>', "PEM file with the authority of the server's certificate")
    .option(
      '--spool <directory>',
      'directory of results that the server could not receive yet (default: agent-NAME in the data directory)',
    )
    .addHelpText('after', examples(`${call} --server https://portwarden.example.com --vantage branch-office`))
    .addHelpText('after', '\nExit status: 0 after SIGTERM or SIGINT, 2 for an error.')
    .action(async (request: Request) => {
      process.exitCode = await (await import('./run.ts')).run(request)
    })

function readVantage(text: string): string {
  if (/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(text)) return text
  throw new InvalidArgumentError('It must be a name of lower-case letters, digits and hyphens.')
}
