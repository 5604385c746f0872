import { run } from '../../support/processes.ts'
import type { Listener, OracleResponse } from '../row.ts'

/** The first match of a pattern in what a command printed, in one line. */
export function firstIn(text: string, pattern: RegExp): string | undefined {
  const found = pattern.exec(text)
  return (found?.[1] ?? found?.[0])?.replace(/\s+/g, ' ').trim()
}

/** the response of an oracle that says yes or no. */
export const yesOrNo = (yes: boolean, text: string): OracleResponse => ({ text, verdict: yes ? 'pass' : 'fail' })

/** Seconds; some programs wait for a silent peer without end. */
const patience = '30'

export async function output(command: string, args: readonly string[], input?: string) {
  const { code, stdout, stderr } = await run('timeout', [patience, command, ...args], {
    input,
    env: { ...process.env, LC_ALL: 'C' },
  })
  return { code, stdout, text: `${stdout}\n${stderr}` }
}

export const socketOf = ({ address, port }: Pick<Listener, 'address' | 'port'>) => `${address}:${port}`
