import { createReadStream, existsSync } from 'node:fs'
import { join } from 'node:path'
import { readLedgerKeys, readSecret } from '../../config/index.ts'
import { showControls } from '../../encoding/text.ts'
import { verifyPack } from '../../report/pack/verify.ts'
import { say, UsageError, verificationStatus } from '../command.ts'

/** Checks an unpacked evidence pack; returns the exit status. */
export async function verify(directory: string): Promise<number> {
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
  return verificationStatus[worst ?? 'intact']
}
