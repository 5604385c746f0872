import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../test/support/processes.ts'
import type { Bench } from './main.ts'
import { figure, timeMs } from './measure.ts'
import { countDifferences, type Scan, scan } from './nmap.ts'
import { type Service, startService } from './service.ts'
import { auditAll, driftBetween, putPolicy, type States, statesOf } from './whole-audit.ts'

const hosts = 10_000
const ports = { open: 18_443, leaving: 18_389, closed: 18_022 }
const addresses = Array.from({ length: hosts }, (_, i) => `127.1.${i >> 8}.${i & 255}`)
/** Hosts with a port that is open in the first audit and closed in the second, so that there is drift. */
const changing = addresses.filter((_, i) => i % 500 === 0)

/** Audit and drift over loopback addresses, compared with nmap and ndiff: the second round of each, after one port in 1,500 changed. */
export const measureLoopback: Bench = async (dataDir) => {
  const ours = await withListeners((change) => auditTwice(dataDir, change))
  const theirs = await withListeners((change) => scanTwice(dataDir, change))
  return [
    figure('30000 checks: audit, recorded', ours.probeMs, 'ms'),
    figure('drift report by HTTP', ours.compareMs, 'ms'),
    figure('nmap -sT -n -Pn -T4 -oX', theirs.probeMs, 'ms'),
    figure('ndiff --xml', theirs.compareMs, 'ms'),
    figure('nmap and ndiff over audit and drift', totalMs(theirs) / totalMs(ours), '×', '≥ 1'),
    figure('states that differ from those of nmap', countDifferences(ours.states, theirs.states), 'states', '= 0'),
    figure('changes that the drift report lacks', changing.length - ours.changes, 'changes', '= 0'),
  ]
}

interface Round {
  probeMs: number
  compareMs: number
  states: States
  changes: number
}
const totalMs = ({ probeMs, compareMs }: Round) => probeMs + compareMs

async function auditTwice(dataDir: string, change: () => Promise<void>): Promise<Round> {
  const settings = { PORTWARDEN_BATCHES: '16', PORTWARDEN_ALLOW: '127.0.0.0/8' }
  const service: Service = await startService(dataDir, settings)
  try {
    await putPolicy(service, Object.values(ports))
    const first = await auditAll(service, addresses)
    await change()
    const second = await auditAll(service, addresses)
    const drift = await driftBetween(service, first.auditId, second.auditId)
    const states = await statesOf(service, second.auditId)
    return { probeMs: second.tookMs, compareMs: drift.tookMs, states, changes: drift.summary.regressed ?? 0 }
  } finally {
    await service.stop()
  }
}

async function scanTwice(dataDir: string, change: () => Promise<void>): Promise<Round> {
  const listFile = join(dataDir, 'hosts.txt')
  await writeFile(listFile, addresses.join('\n'))
  const scanTo = (xmlFile: string): Promise<Scan> =>
    scan((command, args) => run(command, args), { ports: Object.values(ports), options: '-T4', listFile, xmlFile })
  const [before, after] = [join(dataDir, 'before.xml'), join(dataDir, 'after.xml')]
  await scanTo(before)
  await change()
  const { tookMs, states } = await scanTo(after)
  let said = ''
  const compareMs = await timeMs(async () => {
    said = (await run('ndiff', ['--xml', before, after])).stdout
  })
  return { probeMs: tookMs, compareMs, states, changes: said.split('<hostdiff').length - 1 }
}

/** Runs `work` while the ports are open; its argument closes the ports that change. */
async function withListeners<T>(work: (change: () => Promise<void>) => Promise<T>): Promise<T> {
  const wanted = [`0.0.0.0:${ports.open}`, ...changing.map((address) => `-${address}:${ports.leaving}`)]
  const child = spawn(process.execPath, ['bench/listeners.ts', ...wanted], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  try {
    return await work(async () => {
      child.kill('SIGUSR2')
      await once(child.stdout, 'data')
    })
  } finally {
    child.kill()
    await once(child, 'exit')
  }
}
