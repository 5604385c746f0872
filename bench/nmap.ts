import { readFile } from 'node:fs/promises'
import type { Output } from '../test/support/processes.ts'
import type { States } from './whole-audit.ts'

/** Runs a command to its end in the network of the peer. */
type Run = (command: string, args: readonly string[]) => Promise<Output>

export interface Scan {
  tookMs: number
  states: States
}

/** A connect scan by nmap of the addresses in a file, its result as XML in another. */
export async function scan(
  run: Run,
  {
    ports,
    options,
    listFile,
    xmlFile,
  }: { ports: readonly number[]; options: string; listFile: string; xmlFile: string },
): Promise<Scan> {
  const args = ['-sT', '-n', '-Pn', ...options.split(' '), '-p', ports.join(','), '-iL', listFile, '-oX', xmlFile]
  const startedAt = performance.now()
  const { code, stderr } = await run('nmap', args)
  const tookMs = performance.now() - startedAt
  if (code !== 0) throw new Error(`nmap ended with ${code}: ${stderr}`)
  return { tookMs, states: readStates(await readFile(xmlFile, 'utf8')) }
}

function readStates(xml: string): States {
  const states: States = new Map()
  for (const [, host = ''] of xml.matchAll(/<host\b.*?>(.*?)<\/host>/gs)) {
    const address = /<address addr="([^"]+)" addrtype="ipv4"/.exec(host)?.[1]
    for (const [, port, state = ''] of host.matchAll(/<port protocol="tcp" portid="(\d+)"><state state="([^"]+)"/g)) {
      states.set(`${address} ${port}`, state)
    }
  }
  return states
}

/** How many states differ, including those that only one side has. */
export function countDifferences(one: States, other: States): number {
  const keys = new Set([...one.keys(), ...other.keys()])
  return [...keys].filter((key) => one.get(key) !== other.get(key)).length
}
