import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { startNginx } from '../test/support/peers/nginx.ts'
import { startSlapd } from '../test/support/peers/slapd.ts'
import { mustRun, run } from '../test/support/processes.ts'
import { neverAccepts, startProgram } from '../test/support/program.ts'
import type { Bench } from './main.ts'
import { figure, percentile, timeMs } from './measure.ts'
import { countDifferences, scan } from './nmap.ts'
import type { ProbeOrder, ProbeReport } from './prober.ts'
import { nodeOptions } from './service.ts'

async function probe(order: ProbeOrder): Promise<ProbeReport> {
  return JSON.parse(
    await mustRun(process.execPath, [...nodeOptions, 'bench/prober.ts'], { input: JSON.stringify(order) }),
  )
}

/** Connections per second of one process and of nmap, to the same loopback addresses: one port open, two closed. */
export const measureConnects: Bench = async (dataDir) => {
  const hosts = Array.from({ length: 10_000 }, (_, i) => `127.2.${i >> 8}.${i & 255}`)
  const ports = [18_443, 18_022, 18_389]
  const listFile = join(dataDir, 'hosts.txt')
  await writeFile(listFile, hosts.join('\n'))
  const listener = spawn(process.execPath, ['bench/listeners.ts', `0.0.0.0:${ports[0]}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(listener.stdout, 'data')
  try {
    const order = {
      check: { probe: 'tcp', options: {} },
      hosts,
      ports,
      sockets: 1_000,
      perHost: 4,
      timeoutMs: 2_000,
    } as const
    const ours = await probe(order as unknown as ProbeOrder)
    const theirs = await scan((command, args) => run(command, args), {
      ports,
      options: '-T4',
      listFile,
      xmlFile: join(dataDir, 'scan.xml'),
    })
    const checks = hosts.length * ports.length
    return [
      figure('ours, one process', (checks / ours.tookMs) * 1000, 'checks/s'),
      figure('nmap -sT -n -Pn -T4', (checks / theirs.tookMs) * 1000, 'checks/s'),
      figure('ours over nmap', theirs.tookMs / ours.tookMs, '×', '≥ 1.3'),
      figure(
        'states that differ from those of nmap',
        countDifferences(new Map(ours.states), theirs.states),
        'states',
        '= 0',
      ),
    ]
  } finally {
    listener.kill()
    await once(listener, 'exit')
  }
}

/** What 20 ms blocks of the main thread do to checks of open ports: on loopback the true latency is below 0.1 ms. */
export const measureLatencyUnderLoad: Bench = async () => {
  const hosts = Array.from({ length: 10_000 }, (_, i) => `127.2.${i >> 8}.${i & 255}`)
  const ports = Array.from({ length: 10 }, (_, i) => 18_440 + i)
  const listener = spawn(process.execPath, ['bench/listeners.ts', ...ports.map((port) => `0.0.0.0:${port}`)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(listener.stdout, 'data')
  try {
    const check = { probe: 'tcp', options: {} } as const
    const order = { check, hosts, ports, sockets: 100, perHost: 100, timeoutMs: 2_000, blockMs: 20 }
    const { states, latencies } = await probe(order)
    const others = states.filter(([, state]) => state !== 'open').length
    return [
      figure(
        'latency of a tcp check, main thread blocked for 20 ms half of the time, p50',
        percentile(latencies, 0.5),
        'ms',
      ),
      figure('the same, p99', percentile(latencies, 0.99), 'ms', '< 1'),
      figure('of 100000 open ports reported otherwise', others, 'ports', '= 0'),
    ]
  } finally {
    listener.kill()
    await once(listener, 'exit')
  }
}

/** Probes of a TLS server and of a directory, and loops of openssl s_client and ldapsearch on all cores. */
export const measureProbes: Bench = async () => {
  await using nginx = await startNginx()
  await using slapd = await startSlapd()
  const probeLocal = async (port: number, check: ProbeOrder['check']) => {
    const hosts = Array.from({ length: ourProbes }, () => '127.0.0.1')
    const order = { check, hosts, ports: [port], sockets: 16, perHost: 16, timeoutMs: 5_000 }
    const { tookMs, cpuMs, reasons } = await probe(order)
    return { perSecond: (ourProbes / tookMs) * 1000, perCoreSecond: (ourProbes / cpuMs) * 1000, reasons }
  }
  const tls = await probeLocal(nginx.port, { probe: 'tls', options: {} })
  const handshakes = await countHandshakes(nginx.port)
  const openssl = await loop(`openssl s_client -connect 127.0.0.1:${nginx.port} </dev/null`)
  const ldap = await probeLocal(slapd.port, { probe: 'ldap', options: {} })
  const search = await loop(`ldapsearch -x -LLL -H ldap://127.0.0.1:${slapd.port} -s base -b '' '*' +`)
  return [
    figure('TLS, ours, one process', tls.perSecond, 'probes/s'),
    figure('TLS, ours, per second of CPU time', tls.perCoreSecond, 'probes/s'),
    figure('openssl s_time -new, per second of CPU time', handshakes, 'handshakes/s'),
    figure('TLS, ours over s_time, by CPU time', tls.perCoreSecond / handshakes, '×', '≥ 0.5'),
    figure('openssl s_client in a loop', openssl, 'probes/s'),
    figure('TLS, ours over openssl', tls.perSecond / openssl, '×'),
    figure('LDAP rootDSE, ours, one process', ldap.perSecond, 'probes/s'),
    figure('ldapsearch in a loop', search, 'probes/s'),
    figure('LDAP, ours over ldapsearch', ldap.perSecond / search, '×'),
    figure(
      'probes that failed',
      2 * ourProbes - (tls.reasons['tls-ok'] ?? 0) - (ldap.reasons['ldap-responded'] ?? 0),
      'probes',
      '= 0',
    ),
  ]
}

const ourProbes = 2_000
const theirProbes = 300
const handshakeSeconds = 5

/** New TLS sessions of `openssl s_time` for each second of its CPU time, user and system, as `times` of the shell counts it. */
async function countHandshakes(port: number): Promise<number> {
  const command = `openssl s_time -new -connect 127.0.0.1:${port} -time ${handshakeSeconds}; times`
  const printed = await mustRun('sh', ['-c', command])
  const [, count] = /^(\d+) connections in \d+ real seconds/m.exec(printed) ?? []
  const [, ...ofChildren] = /^(\d+)m([\d.]+)s (\d+)m([\d.]+)s\s*$/.exec(printed.trim().split('\n').at(-1) ?? '') ?? []
  const [userMinutes = 0, userSeconds = 0, systemMinutes = 0, systemSeconds = 0] = ofChildren.map(Number)
  return Number(count) / (60 * (userMinutes + systemMinutes) + userSeconds + systemSeconds)
}

/** How many times a second a command runs, with one process per core. */
async function loop(command: string): Promise<number> {
  const tookMs = await timeMs(() =>
    mustRun('sh', [
      '-c',
      `seq ${theirProbes} | xargs -P ${availableParallelism()} -I{} sh -c "$0" >/dev/null 2>&1`,
      command,
    ]),
  )
  return (theirProbes / tookMs) * 1000
}

/** The memory of one process with 10,000 probes in flight to a peer that never accepts. */
export const measureInFlight: Bench = async () => {
  const inFlight = 10_000
  const peer = await startProgram(neverAccepts)
  try {
    const hosts = Array.from({ length: inFlight }, () => '127.0.0.1')
    const check = { probe: 'tcp', options: {} } as const
    const { peakKiB, reasons } = await probe({
      check,
      hosts,
      ports: [peer.port],
      sockets: inFlight,
      perHost: inFlight,
      timeoutMs: 5_000,
    })
    return [
      figure('peak resident memory with 10000 probes in flight', peakKiB / 1024, 'MB', '< 200'),
      figure('of them silent until the deadline', reasons['no-response'] ?? 0, 'probes'),
    ]
  } finally {
    await peer.stop()
  }
}
