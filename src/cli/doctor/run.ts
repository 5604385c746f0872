import { showControls } from '../../encoding/text.ts'
import { exitStatus, say } from '../command.ts'
import type { Check } from './check.ts'
import { checkInstallation } from './installation.ts'
import { checkService } from './remote.ts'

export interface DoctorOptions {
  server?: URL
  json?: true
}

/** Prints each check once it is made; returns the exit status. */
export async function diagnose({ server, json }: DoctorOptions): Promise<number> {
  const checks: Check[] = []
  for await (const check of server ? checkService(server) : checkInstallation(process.env)) {
    checks.push(check)
    if (!json) say(describe(check))
  }
  const count = (state: Check['state']) => checks.filter((check) => check.state === state).length
  const counts = { ok: count('ok'), warn: count('warn'), fail: count('fail'), skip: count('skip') }
  if (json) say(JSON.stringify({ ...counts, checks }, null, 2))
  else say(`\n${summarise(counts)}`)
  if (counts.fail > 0) return exitStatus.fail
  return counts.skip > 0 ? exitStatus.error : exitStatus.pass
}

const words = { ok: 'ok', warn: 'WARN', fail: 'FAIL', skip: 'skipped' } as const

const describe = ({ name, state, message }: Check): string =>
  `${words[state].padEnd(7)}  ${name.padEnd(14)}  ${showControls(message)}`

const summarise = ({ ok, warn, fail, skip }: Record<Check['state'], number>): string =>
  fail + warn + skip === 0
    ? `All ${ok} checks pass.`
    : `Of ${ok + warn + fail + skip} checks, ${fail} fail, ${warn} warn, and ${skip} could not be made.`
