import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startNetwork } from '../test/support/peers/netns.ts'
import { mustRun } from '../test/support/processes.ts'
import type { Bench, Figure } from './main.ts'
import { figure } from './measure.ts'
import { countDifferences, scan } from './nmap.ts'

const hosts = 4096
const ports = [22, 389, 443]
const openPorts = [389, 443]
const addresses = Array.from({ length: hosts }, (_, i) => `10.77.${i >> 8}.${i & 255}`)
const silent = addresses.filter((_, i) => i % 5 === 0)

/** Settings for a LAN: three attempts of half a second, of all silent ports of a host at the same time. */
const lanSettings = {
  PORTWARDEN_PROBE_TIMEOUT_MS: '500',
  PORTWARDEN_SOCKETS: '8000',
  PORTWARDEN_SOCKETS_PER_HOST: '12',
  PORTWARDEN_BATCHES: '64',
  PORTWARDEN_ALLOW: '10.77.0.0/16',
}

const silentHosts = `ip daddr { ${silent.join(', ')} }`

/** Routed hosts, a fifth of them silent: an audit from request to drift report, and nmap, in one network namespace. */
export const measureEstate: Bench = (dataDir) => measureRouted(dataDir, `${silentHosts} drop`)

/** The same where those hosts drop packets to two of the three ports. */
export const measureFilteredPorts: Bench = (dataDir) =>
  measureRouted(dataDir, `${silentHosts} tcp dport { 22, 389 } drop`)

async function measureRouted(dataDir: string, rule: string): Promise<Figure[]> {
  await using network = await startNetwork()
  const { client, target } = network.namespaces
  await mustRun('ip', ['-n', client, 'route', 'add', '10.77.0.0/16', 'via', network.targetAddress])
  await mustRun('ip', ['-n', target, 'route', 'add', 'local', '10.77.0.0/16', 'dev', 'lo'])
  await network.nft(`add rule inet peer input ${rule}`)
  const listeners = network.spawn('target', [
    process.execPath,
    'bench/listeners.ts',
    ...openPorts.map((port) => `0.0.0.0:${port}`),
  ])
  await new Promise((resolve) => listeners.stdout?.once('data', resolve))

  const env = { ...process.env, ...lanSettings }
  const job = JSON.stringify({ dataDir, addresses, ports })
  const audited = await network.exec('client', [process.execPath, 'bench/estate-audits.ts'], { env, input: job })
  if (audited.code !== 0) throw new Error(`the audits ended with ${audited.code}: ${audited.stderr}`)
  const { audits, driftMs, states } = JSON.parse(audited.stdout) as EstateAudits
  const [first = Number.NaN, second = Number.NaN] = audits
  const seen = new Map(states)

  const listFile = join(dataDir, 'hosts.txt')
  await writeFile(listFile, addresses.join('\n'))
  const nmap = (options: string) =>
    scan((command, args) => network.exec('client', [command, ...args]), {
      ...{ ports, options, listFile },
      xmlFile: join(dataDir, 'nmap.xml'),
    })
  const plain = await nmap('-T4')
  const tuned = await nmap('-T5 --max-retries 2 --min-hostgroup 4096 --min-parallelism 1000 --max-rtt-timeout 250ms')
  const drifted = second + driftMs
  return [
    figure(`${seen.size} checks, first audit, request to completed`, first, 'ms'),
    figure('the same again, request to drift report', drifted, 'ms'),
    figure('nmap -sT -n -Pn -T4 -oX', plain.tookMs, 'ms'),
    figure('nmap over the audit to its drift report', plain.tookMs / drifted, '×', '≥ 6'),
    figure('states that nmap saw differently', countDifferences(seen, plain.states), 'states', '= 0'),
    figure('nmap, tuned', tuned.tookMs, 'ms'),
    figure('tuned nmap over the audit', tuned.tookMs / drifted, '×', '≥ 1'),
    figure('states that tuned nmap saw differently', countDifferences(seen, tuned.states), 'states', '= 0'),
  ]
}

export interface EstateAudits {
  audits: number[]
  driftMs: number
  states: [string, string][]
}
