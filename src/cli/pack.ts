import { createReadStream, existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readLedgerKeys, readSecret } from '../config/index.ts'
import { showControls } from '../encoding/text.ts'
import { verifyPack } from '../report/pack/verify.ts'
import { exitCodes, runCommand, say, UsageError } from './command.ts'

const usage = `usage: npm run pack -- verify DIRECTORY

Checks an unpacked evidence pack: each file against the manifest, the policy and the findings against the ledger entry, and the
signature of the entry with PORTWARDEN_LEDGER_KEY, or the file that PORTWARDEN_LEDGER_KEY_FILE names, if one is set. Needs neither
the service nor its database.
Exit status: 0 intact, 1 broken, 2 not all could be checked, or an error.`

function readRequest(argv: string[]): string | 'help' {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: { help: { type: 'boolean', default: false } },
  })
  if (values.help) return 'help'
  const [command, directory, ...rest] = positionals
  if (command !== 'verify' || directory === undefined || rest.length > 0) throw new UsageError('name one directory')
  return directory
}

async function verify(directory: string): Promise<number> {
  const open = (name: string) => {
    const file = join(directory, name)
    return existsSync(file) ? createReadStream(file) : undefined
  }
  const keys = readLedgerKeys(readSecret(process.env, 'PORTWARDEN_LEDGER_KEY')) ?? []
  const checks = await verifyPack({ open, keys })
  if (!checks) throw new UsageError(`no evidence pack: there is no manifest.json in ${directory}`)
  for (const { subject, verdict, message } of checks)
    say(showControls(`${verdict.padEnd(11)}${subject.padEnd(16)}${message}`))
  const worst = (['broken', 'unverified'] as const).find((bad) => checks.some(({ verdict }) => verdict === bad))
  return exitCodes[worst ?? 'intact']
}

await runCommand(usage, readRequest, verify)
