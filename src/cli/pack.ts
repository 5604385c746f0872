import { createReadStream, existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readLedgerKeys } from '../config-ledger.ts'
import { readSecret } from '../config-values.ts'
import { showControls } from '../domain/text.ts'
import { verifyPack } from '../report/pack/verify.ts'
import { complain } from './complain.ts'

const usage = `usage: npm run pack -- verify DIRECTORY

Checks an evidence pack that was unpacked there: each file against the manifest; the policy and the findings against the entry
of the ledger; and the signature of that with PORTWARDEN_LEDGER_KEY, or the file that PORTWARDEN_LEDGER_KEY_FILE names, where one
is set. Needs neither the service nor its database.
Exit status: 0 intact, 1 broken, 2 not all could be checked, or an error.`

const exitCodes = { intact: 0, broken: 1, unverified: 2 } as const

async function verify(directory: string): Promise<number> {
  const open = (name: string) => {
    const file = join(directory, name)
    return existsSync(file) ? createReadStream(file) : undefined
  }
  const keys = readLedgerKeys(readSecret(process.env, 'PORTWARDEN_LEDGER_KEY')) ?? []
  const checks = await verifyPack({ open, keys })
  for (const { what, verdict, message } of checks)
    console.log(showControls(`${verdict.padEnd(11)}${what.padEnd(16)}${message}`))
  const worst = (['broken', 'unverified'] as const).find((bad) => checks.some(({ verdict }) => verdict === bad))
  return exitCodes[worst ?? 'intact']
}

try {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { help: { type: 'boolean' } } })
  const [command, directory, ...rest] = positionals
  const isRight = command === 'verify' && directory !== undefined && rest.length === 0
  if (values.help || !isRight) console[values.help ? 'log' : 'error'](usage)
  process.exitCode = values.help ? 0 : isRight ? await verify(directory) : 2
} catch (error) {
  complain(error, true)
  process.exitCode = 2
}
